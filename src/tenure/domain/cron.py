"""Cron expressions in time zones, with one rule for clock changes.

croniter reads the fields and finds the days; when a day's times happen is decided here. A job with
fixed times (no `*` in minute and hour) runs once for each: a time the clock skips happens at the
first instant after the gap, one that comes twice at its first occurrence. Any other job follows
real time: it runs at every minute whose local time matches.

Instants are whole seconds since 1970, `wall` is the same count of a local clock.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from croniter import CroniterBadDateError, CroniterError, croniter

MAX_LENGTH = 128
FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_DAY = 86_400
_ENOUGH = 5
"""Times that an expression must have ahead."""
_YEARS = 8
"""From one 29 February to the next at most."""
_EPOCH = datetime(1970, 1, 1)
_FIRST_DAY = _EPOCH.toordinal()
_SAME = re.compile(r"(?<![\w#-])(\w+)-(\w+)")
_TOKENS = re.compile(r"[\s,/-]+")
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})
"""Names the system may know, and every machine otherwise."""
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+)*")


@dataclass(frozen=True, slots=True)
class Cron:
    """A checked expression. `times` are seconds of the day, ascending; `days` its last three
    fields. `fixed`: neither minute nor hour holds a `*`."""

    times: tuple[int, ...]
    days: str
    fixed: bool

    def next_wall(self, wall: int) -> int | None:
        """The first matching second of a local clock after `wall`; None: none in eight years."""
        day, second = divmod(wall, _DAY)
        place = bisect_right(self.times, second)
        if place < len(self.times) and _next_day(self.days, day - 1) == day:
            return day * _DAY + self.times[place]
        found = _next_day(self.days, day)
        return None if found is None else found * _DAY + self.times[0]

    def matches(self, wall: int) -> bool:
        """Whether a local clock that shows `wall` shows a time of the expression."""
        return self.next_wall(wall - 1) == wall


@lru_cache(maxsize=4096)
def parse(text: str) -> Cron:
    """An expression of five fields. Raises ValueError that says what is wrong with it."""
    _refuse(text)
    fields = text.split()
    try:
        expanded, _ = croniter.expand(text.strip(), strict=False)
        cron = Cron(
            _times(expanded[0], expanded[1]),
            " ".join(fields[2:]),
            not any(sign in "".join(fields[:2]) for sign in "*?"),
        )
    except CroniterError as error:
        raise ValueError(f"is no cron expression: {error}") from None
    walls = [0]
    for _ in range(_ENOUGH):
        following = cron.next_wall(walls[-1])
        if following is None:
            raise ValueError(f"never fires: no such day comes in {_YEARS} years")
        walls.append(following)
    return cron


def _refuse(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise ValueError(f"at most {MAX_LENGTH} characters, this one has {len(text)}")
    if not text.isascii() or not text.isprintable():
        raise ValueError("must hold plain digits, letters and signs only")
    if text.strip().startswith("@"):
        raise ValueError(f"{text.split(maxsplit=1)[0]} is not known, write five fields: {_FORM}")
    number = len(text.split())
    if number != len(FIELDS):
        raise ValueError(f"must have five fields, this one has {number}: {_FORM}")
    for token in _TOKENS.split(text.lower()):
        if token[:1] in ("r", "h") and (len(token) == 1 or token[1] == "("):
            raise ValueError(
                f"{token[0].upper()} picks times by chance and is not taken, use jitter_seconds"
            )
    for first, last in _SAME.findall(text.lower()):
        if first == last:
            raise ValueError(f"{first}-{last} is a range of one, write {first}")


_FORM = "minute hour day-of-month month day-of-week, like 30 2 * * 1-5"


def _times(minutes: list[int | str], hours: list[int | str]) -> tuple[int, ...]:
    return tuple(
        hour * 3600 + minute * 60 for hour in _values(hours, 24) for minute in _values(minutes, 60)
    )


def _values(found: list[int | str], most: int) -> list[int]:
    if any(isinstance(value, str) for value in found):
        return list(range(most))
    return sorted({int(value) for value in found})


@lru_cache(maxsize=16_384)
def _next_day(days: str, day: int) -> int | None:
    """The first matching day (counted from 1970) after `day`."""
    if days == "* * *":
        return day + 1
    start = _EPOCH + timedelta(days=day)
    try:
        found = croniter(f"0 0 {days}", start, max_years_between_matches=_YEARS).get_next(datetime)
    except CroniterBadDateError:
        return None
    return date.toordinal(found) - _FIRST_DAY


def zone(name: str) -> ZoneInfo:
    """An IANA time zone. Raises ValueError with the nearest known name."""
    try:
        if name not in _NO_ZONES and _ZONE.fullmatch(name) and len(name) <= MAX_LENGTH:
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    known = {key.lower(): key for key in available_timezones()}
    close = difflib.get_close_matches(name[:64].lower(), known, n=1, cutoff=0.6)
    hint = f", did you mean {known[close[0]]}?" if close else ""
    raise ValueError(f"is no IANA time zone like Europe/Berlin{hint}")


@lru_cache(maxsize=16_384)
def next_time(cron: Cron, where: ZoneInfo, after: int) -> int | None:
    """The first instant after `after` at which the expression fires; None: none in eight years."""
    return (_next_fixed if cron.fixed else _next_real)(cron, where, after)


def _next_fixed(cron: Cron, where: ZoneInfo, after: int) -> int | None:
    wall: int | None = after + _offset(where, after)
    while wall is not None:
        wall = cron.next_wall(wall)
        if wall is not None and (at := _first_instant(where, wall)) > after:
            return at
    return None


def _next_real(cron: Cron, where: ZoneInfo, after: int) -> int | None:
    while True:
        offset = _offset(where, after + 1)
        wall = cron.next_wall(after + offset)
        if wall is None:
            return None
        change = _first_change(where, after + 1, wall - offset)
        if change is None:
            return wall - offset
        after = change - 1


def _offset(where: ZoneInfo, at: int) -> int:
    local = datetime.fromtimestamp(at, where).replace(tzinfo=None)
    return (local - _EPOCH) // timedelta(seconds=1) - at


def _first_change(where: ZoneInfo, start: int, end: int) -> int | None:
    """The first instant in (start, end] with another offset than `start`. Two changes within a
    day that cancel each other out would be missed; no zone has had such."""
    offset = _offset(where, start)
    while start < end:
        probe = min(start + _DAY, end)
        if _offset(where, probe) != offset:
            return _bisect(where, start, probe, offset)
        start = probe
    return None


def _bisect(where: ZoneInfo, before: int, after: int, offset: int) -> int:
    """The instant at which the clock changes: `before` has `offset`, `after` another one."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(where, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _first_instant(where: ZoneInfo, wall: int) -> int:
    """When a local clock first shows `wall`, or would have: the first instant after the gap."""
    local = (_EPOCH + timedelta(seconds=wall)).replace(tzinfo=where)
    at = _seconds(local)
    if at + _offset(where, at) == wall:
        return at
    # In a gap fold 0 counts with the offset before it, which lies beyond; fold 1 the other way.
    before = _seconds(local.replace(fold=1))
    return _bisect(where, before, at, _offset(where, before))


def _seconds(local: datetime) -> int:
    return int((local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def note(cron: Cron, where: ZoneInfo, at: int) -> str | None:
    """What a person should know about the time `at` of an expression: a clock change nearby."""
    wall = at + _offset(where, at)
    if cron.fixed and not cron.matches(wall):
        gap = _offset(where, at) - _offset(where, at - 1)
        skipped = cron.next_wall(wall - gap - 1)
        clock = _clock(wall - gap if skipped is None else skipped)
        return f"the clock skips {clock} here, so it runs right after, at {_clock(wall)}"
    first = _first_instant(where, wall)
    if first < at:
        return f"the clock shows {_clock(wall)} for the second time"
    later = _seconds((_EPOCH + timedelta(seconds=wall)).replace(tzinfo=where, fold=1))
    if later > at and cron.fixed:
        return f"the clock shows {_clock(wall)} twice here, it runs the first time"
    return None


def _clock(wall: int) -> str:
    return (_EPOCH + timedelta(seconds=wall)).strftime("%H:%M")
