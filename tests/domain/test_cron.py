"""Cron times against an oracle that walks real time minute by minute and knows no library."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tenure.domain import cron

MINUTE = timedelta(minutes=1)
WINDOWS = {
    "UTC": ["2026-02-25"],
    "America/New_York": ["2026-03-03", "2026-10-27"],
    "Europe/Berlin": ["2026-03-24", "2026-10-20"],
    "Australia/Lord_Howe": ["2026-03-30", "2026-09-29"],
    "Africa/Casablanca": ["2026-02-10", "2026-03-17"],
    "America/Sao_Paulo": ["2018-02-12", "2018-10-30"],
    "Pacific/Apia": ["2011-12-26", "2011-09-20"],
}
DAYS = 10
CASES = [(name, day) for name, days in WINDOWS.items() for day in days]
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@cache
def walked(name: str, day: str) -> list[tuple[int, datetime]]:
    """Every real minute of a window: its instant and what the local clock shows."""
    zone = ZoneInfo(name)
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    steps = [start + MINUTE * n for n in range(DAYS * 24 * 60)]
    return [
        (int(at.timestamp()), at.astimezone(zone).replace(tzinfo=None, second=0)) for at in steps
    ]


def values(field: str, low: int, high: int) -> set[int]:
    """What a field of stars, steps, ranges and lists means."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        ends = (low, high) if span == "*" else (int(first), int(last or first))
        found |= set(range(ends[0], ends[1] + 1, int(step or 1)))
    return found


class Oracle:
    """The rule of clock changes, written down a second time."""

    def __init__(self, text: str) -> None:
        self.fields = text.split()
        self.sets = [values(field, *ends) for field, ends in zip(self.fields, RANGES, strict=True)]
        self.fixed = "*" not in self.fields[0] + self.fields[1]

    def shows(self, wall: datetime) -> bool:
        minutes, hours, days, months, weekdays = self.sets
        by_day, by_weekday = wall.day in days, wall.isoweekday() % 7 in weekdays
        either = "*" not in (self.fields[2], self.fields[4])
        that_day = by_day or by_weekday if either else by_day and by_weekday
        return wall.minute in minutes and wall.hour in hours and wall.month in months and that_day

    def times(self, minutes: list[tuple[int, datetime]]) -> Iterator[int]:
        latest = minutes[0][1]
        for (_, before), (at, wall) in pairwise(minutes):
            skipped: list[datetime] = []
            if wall - before > MINUTE:
                skipped = [before + MINUTE * n for n in range(1, (wall - before) // MINUTE)]
            if not self.fixed:
                due = self.shows(wall)
            else:
                due = (wall > latest and self.shows(wall)) or any(
                    self.shows(gone) for gone in skipped if gone > latest
                )
            latest = max(latest, wall)
            if due:
                yield at


def found(text: str, name: str, day: str) -> list[int]:
    """The times of the code in a window."""
    minutes = walked(name, day)
    expression, zone = cron.parse(text), cron.zone(name)
    at: int | None = minutes[0][0]
    times = []
    while at is not None and (at := cron.next_time(expression, zone, at)) is not None:
        if at > minutes[-1][0]:
            break
        times.append(at)
    return times


EXPRESSIONS = [
    "* * * * *", "*/30 * * * *", "0 * * * *", "30 * * * *", "*/7 2 * * *", "0 0 * * *",
    "30 0 * * *", "30 1 * * *", "30 2 * * *", "15 2,3 * * *", "0,30 0-4 * * *", "45 23 * * *",
    "0 12 * * *", "0 3 * * 0", "5 4 1,30,31 * *", "20 1 * * 1-5", "*/20 */3 * * 6,0",
    "10 2 1 * 0", "0 2 8 3 *", "59 1 * 3,10,11 *",
]  # fmt: skip


@pytest.mark.parametrize(("name", "day"), CASES)
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_times_are_those_of_the_oracle(text: str, name: str, day: str) -> None:
    assert found(text, name, day) == list(Oracle(text).times(walked(name, day)))


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).filter(lambda pair: pair[0] < pair[1])
    step = st.sampled_from([2, 3, 5, 7])
    part = st.one_of(
        number.map(str),
        span.map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.tuples(span, step).map(lambda one: f"{one[0][0]}-{one[0][1]}/{one[1]}"),
    )
    many = st.lists(part, min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), step.map(lambda n: f"*/{n}"), many)


@given(
    st.tuples(_field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12), _field(0, 6)),
    st.sampled_from(CASES),
)
@settings(max_examples=150)
@example(("30", "2", "*", "*", "0"), ("America/New_York", "2026-03-03"))
def test_any_expression_agrees_with_the_oracle(
    fields: tuple[str, ...], case: tuple[str, str]
) -> None:
    text = " ".join(fields)
    if len(text) > cron.MAX_LENGTH:
        return
    assert found(text, *case) == list(Oracle(text).times(walked(*case)))


def local(text: str, name: str, after: str, count: int) -> list[str]:
    """The next times on the local clock."""
    expression, zone = cron.parse(text), cron.zone(name)
    at: int | None = int(datetime.fromisoformat(after).timestamp())
    shown = []
    for _ in range(count):
        at = cron.next_time(expression, zone, at or 0)
        assert at is not None
        shown.append(datetime.fromtimestamp(at, zone).isoformat())
    return shown


def test_a_time_in_the_gap_runs_right_after_it() -> None:
    assert local("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2) == [
        "2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00",
    ]  # fmt: skip


def test_a_time_in_the_fold_runs_once() -> None:
    assert local("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2) == [
        "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00",
    ]  # fmt: skip


def test_a_day_that_a_zone_leaves_out_is_made_up_at_its_end() -> None:
    assert local("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3) == [
        "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00",
    ]  # fmt: skip


def test_leap_days_are_found_across_a_century() -> None:
    assert local("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1) == ["2104-02-29T00:00:00+00:00"]


REFUSED = [
    ("* * * *", "five fields, this one has 4"),
    ("* * * * * *", "five fields, this one has 6"),
    ("", "five fields"),
    ("1," * 60 + "1 * * * *", "at most 128 characters"),
    ("R * * * *", "by chance"),
    ("0 R(1-5) * * *", "by chance"),
    ("H * * * *", "by chance"),
    ("@reboot", "@reboot is not known"),
    ("@daily", "@daily is not known"),
    ("\u0663 * * * *", "plain digits"),
    ("\uff11 * * * *", "plain digits"),
    ("0 0 * * *\n", "plain digits"),
    ("0 0 30 2 *", "never fires"),
    ("0 0 31 4,6,9,11 *", "never fires"),
    ("60 * * * *", "is no cron expression"),
    ("*/0 * * * *", "is no cron expression"),
    ("a * * * *", "is no cron expression"),
    ("5-5 * * * *", "write 5"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_is_refused_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        cron.parse(text)


@given(st.text(max_size=140) | st.text("0123456789*/,-#LWRH?@ jfmasond", max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = cron.parse(text)
    except ValueError as error:
        assert str(error)
    else:
        assert expression.times


@pytest.mark.parametrize("name", ["Mars/X", "America", "../etc/passwd", "localtime", "", "\0", "é"])
def test_zones_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match="is no IANA time zone"):
        cron.zone(name)


def test_the_nearest_zone_is_named() -> None:
    with pytest.raises(ValueError, match="did you mean Europe/Berlin"):
        cron.zone("europe/berlin")


@pytest.mark.parametrize(
    ("text", "name", "after", "note"),
    [
        ("30 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", "the clock skips 02:30"),
        ("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", "01:30 twice"),
        ("*/30 1 * * *", "America/New_York", "2026-11-01T05:31:00Z", "01:00 for the second time"),
        ("*/30 1 * * *", "America/New_York", "2026-11-01T04:31:00Z", None),
        ("30 2 * * *", "UTC", "2026-03-08T00:00:00Z", None),
    ],
)
def test_notes_tell_of_clock_changes(text: str, name: str, after: str, note: str | None) -> None:
    expression, zone = cron.parse(text), cron.zone(name)
    at = cron.next_time(expression, zone, int(datetime.fromisoformat(after).timestamp()))
    assert at is not None
    told = cron.note(expression, zone, at)
    assert (told is None) if note is None else (note in (told or ""))


def test_an_answer_is_quick() -> None:
    """Not a measure of the machine: a search without a bound would take hours."""
    began = time.process_time()
    for text in ("0 0 30 2 *", "0 0 29 2 *", "* * 29 2 *", "0 0 31 2,4,6,9,11 *"):
        try:
            expression = cron.parse(text)
        except ValueError:
            continue
        cron.next_time(expression, cron.zone("America/New_York"), 4_102_444_800)
    assert time.process_time() - began < 60
