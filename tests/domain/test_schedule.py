from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.errors import InvalidInput
from tenure.domain.schedule import (
    Plan,
    Stretch,
    check,
    due_at,
    next_time,
    plan,
    times,
    times_within,
)
from tenure.domain.scheduling import FireOutcome, Misfire, Overlap, ScheduleRules
from tests.builders import NOW

ID = "0193474a-0000-7000-8000-0000000000aa"
FIVE = 5 * MINUTE
HOUR = 60 * MINUTE
EVERY_FIVE = ScheduleRules(cron="*/5 * * * *", overlap=Overlap.ALLOW)
"""NOW is noon, a time of this expression."""
MISSED, PAUSED, OVERLAPPED = FireOutcome.MISSED, FireOutcome.PAUSED, FireOutcome.OVERLAPPED


def decide(rules: ScheduleRules, since: int, now: int = NOW, **facts: Any) -> Plan:
    """What becomes of the times beyond `since`."""
    first = next_time(rules, since)
    assert first is not None
    return plan(rules, ID, first, now, **facts)


def test_three_hours_of_downtime_latest() -> None:
    found = decide(EVERY_FIVE, NOW - 3 * HOUR, NOW + 2 * MINUTE)
    assert found.fires == [NOW]
    assert found.stretches == [Stretch(NOW - 3 * HOUR + FIVE, NOW - FIVE, 35, MISSED)]
    assert found.next_nominal == NOW + FIVE


def test_three_hours_of_downtime_skip() -> None:
    rules = replace(EVERY_FIVE, misfire=Misfire.SKIP)
    found = decide(rules, NOW - 3 * HOUR, NOW + 2 * MINUTE)
    assert found.fires == []
    assert found.stretches == [Stretch(NOW - 3 * HOUR + FIVE, NOW, 36, MISSED)]
    assert found.next_nominal == NOW + FIVE


@pytest.mark.parametrize("overlap", Overlap)
def test_three_hours_of_downtime_all(overlap: Overlap) -> None:
    rules = replace(EVERY_FIVE, misfire=Misfire.ALL, overlap=overlap)
    found = decide(rules, NOW - 3 * HOUR, NOW + 2 * MINUTE)
    assert found.fires == [NOW - 3 * HOUR + FIVE * n for n in range(1, 37)]
    assert (found.stretches, found.next_nominal) == ([], NOW + FIVE)


def test_one_on_time_stands_for_those_missed_before_it() -> None:
    found = decide(EVERY_FIVE, NOW - 3 * HOUR, NOW + 60 * SECOND)
    assert found.fires == [NOW]
    assert found.stretches == [Stretch(NOW - 3 * HOUR + FIVE, NOW - FIVE, 35, MISSED)]


def test_late_is_later_than_the_span_of_the_rules() -> None:
    rules = replace(EVERY_FIVE, misfire=Misfire.SKIP)
    assert decide(rules, NOW - 1, NOW + 60 * SECOND).fires == [NOW]
    assert decide(rules, NOW - 1, NOW + 60 * SECOND + 1).fires == []
    patient = replace(rules, misfire_after=HOUR)
    assert len(decide(patient, NOW - HOUR, NOW).fires) == 12


def test_catching_up_is_capped_and_takes_the_newest() -> None:
    rules = replace(EVERY_FIVE, misfire=Misfire.ALL, max_catchup=10)
    found = decide(rules, NOW - 3 * HOUR, NOW + 2 * MINUTE)
    assert found.fires == [NOW - FIVE * n for n in range(9, -1, -1)]
    assert found.stretches == [Stretch(NOW - 3 * HOUR + FIVE, NOW - 10 * FIVE, 26, MISSED)]


@pytest.mark.parametrize(("misfire", "fires"), [(Misfire.ALL, 12), (Misfire.LATEST, 1)])
def test_what_is_older_than_the_window_is_not_made_up(misfire: Misfire, fires: int) -> None:
    window = HOUR - 3 * MINUTE
    rules = replace(EVERY_FIVE, misfire=misfire, catchup_window=window)
    found = decide(rules, NOW - 3 * HOUR, NOW + 2 * MINUTE)
    assert (len(found.fires), found.stretches[0].count) == (fires, 36 - fires)
    weekly = ScheduleRules(cron="0 0 * * 1", misfire=misfire, catchup_window=HOUR)
    assert decide(weekly, NOW - 7 * 24 * HOUR).fires == []


def test_a_job_that_still_runs_holds_the_next_fire_back() -> None:
    rules = replace(EVERY_FIVE, overlap=Overlap.SKIP)
    found = decide(rules, NOW - 1, busy=True)
    assert (found.fires, found.stretches) == ([], [Stretch(NOW, NOW, 1, OVERLAPPED)])
    assert decide(rules, NOW - 1).fires == [NOW]
    made_up = decide(rules, NOW - HOUR, NOW + 2 * MINUTE, busy=True)
    assert [(one.count, one.outcome) for one in made_up.stretches] == [
        (11, MISSED), (1, OVERLAPPED),
    ]  # fmt: skip


def test_of_several_due_at_once_one_fires_unless_they_may_overlap() -> None:
    rules = ScheduleRules(every=10 * SECOND, anchor=NOW)
    times_due = [NOW + 10 * SECOND * n for n in range(1, 4)]
    now = times_due[-1]
    found = decide(rules, NOW, now)
    assert (found.fires, found.stretches) == (
        times_due[:1], [Stretch(times_due[1], times_due[2], 2, OVERLAPPED)],
    )  # fmt: skip
    assert decide(replace(rules, overlap=Overlap.ALLOW), NOW, now).fires == times_due
    replacing = decide(replace(rules, overlap=Overlap.CANCEL_RUNNING), NOW, now, busy=True)
    assert (replacing.fires, replacing.replaces) == (times_due[2:], True)
    assert replacing.stretches == [Stretch(times_due[0], times_due[1], 2, OVERLAPPED)]


def test_times_of_a_pause_are_not_made_up() -> None:
    rules = replace(EVERY_FIVE, misfire=Misfire.ALL)
    found = decide(rules, NOW - HOUR, NOW + 2 * MINUTE, paused_until=NOW - FIVE)
    assert found.stretches == [Stretch(NOW - HOUR + FIVE, NOW - FIVE, 11, PAUSED)]
    assert found.fires == [NOW]


@pytest.mark.parametrize("misfire", Misfire)
@pytest.mark.parametrize("most", [1, 2, 7, 30])
def test_a_long_outage_is_decided_in_steps_with_the_same_end(misfire: Misfire, most: int) -> None:
    rules = replace(EVERY_FIVE, misfire=misfire, max_catchup=10)
    now = NOW + 2 * MINUTE
    whole = decide(rules, NOW - 9 * HOUR, now)
    nominal, missed, fires = next_time(rules, NOW - 9 * HOUR), 0, []
    for _ in range(300):
        assert nominal is not None
        if nominal > now:
            break
        step = plan(rules, ID, nominal, now, most=most)
        missed += sum(one.count for one in step.stretches)
        fires += step.fires
        nominal = step.next_nominal
    assert nominal == whole.next_nominal
    assert missed + len(fires) == 108
    if misfire is not Misfire.ALL or most >= 30:
        assert fires == whole.fires


def test_it_ends_at_its_end() -> None:
    rules = replace(EVERY_FIVE, start_at=NOW, end_at=NOW + FIVE)
    assert list(times(rules, 0)) == [NOW, NOW + FIVE]
    found = decide(rules, NOW, NOW + FIVE)
    assert (found.fires, found.next_nominal) == ([NOW + FIVE], None)


def test_an_interval_counts_from_its_anchor() -> None:
    rules = ScheduleRules(every=90 * SECOND, anchor=NOW)
    assert list(islice(times(rules, NOW), 2)) == [NOW + 90 * SECOND, NOW + 180 * SECOND]
    assert next_time(rules, NOW - 1) == NOW
    assert times_within(rules, NOW - 180 * SECOND, NOW, 9) == [
        NOW - 180 * SECOND,
        NOW - 90 * SECOND,
    ]


def test_a_range_has_its_start_and_not_its_end() -> None:
    rules = replace(EVERY_FIVE, start_at=NOW + HOUR, end_at=NOW + HOUR)
    assert times_within(rules, NOW, NOW + 2 * FIVE, 9) == [NOW, NOW + FIVE]
    assert times_within(rules, NOW, NOW + HOUR, 3) == [NOW, NOW + FIVE, NOW + 2 * FIVE]


@given(st.integers(1, 3600 * SECOND), st.integers(0, 10**6))
def test_jitter_moves_a_time_by_less_than_itself_and_always_alike(jitter: int, minute: int) -> None:
    rules = replace(EVERY_FIVE, jitter=jitter)
    nominal = minute * MINUTE
    moved = due_at(rules, ID, nominal)
    assert nominal <= moved < nominal + jitter
    assert due_at(rules, ID, nominal) == moved


def test_jitter_spreads_schedules_and_delays_the_fire() -> None:
    rules = replace(EVERY_FIVE, jitter=MINUTE)
    moments = {due_at(rules, f"{n:08x}", NOW) for n in range(100)}
    assert len(moments) == 100
    moment = due_at(rules, ID, NOW)
    assert decide(rules, NOW - 1, moment - 1).walked == 0
    assert decide(rules, NOW - 1, moment).fires == [NOW]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "/cron"),
    ({"cron": "* * * * *", "every": SECOND}, "/cron"),
    ({"cron": "* * * *"}, "/cron"),
    ({"every": SECOND - 1}, "/every_seconds"),
    ({"cron": "* * * * *", "timezone": "Mars/X"}, "/timezone"),
    ({"cron": "* * * * *", "start_at": NOW, "end_at": NOW - 1}, "/end_at"),
    ({"cron": "* * * * *", "end_at": NOW}, "/end_at"),
    ({"cron": "* * * * *", "start_at": -1}, "/start_at"),
    ({"cron": "* * * * *", "end_at": 10**18}, "/end_at"),
    ({"cron": "*/5 * * * *", "jitter": FIVE + 1}, "/jitter_seconds"),
]


@pytest.mark.parametrize(("wrong", "pointer"), REFUSED)
def test_rules_that_are_refused(wrong: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(ScheduleRules(**wrong), NOW)
    assert [error.pointer for error in caught.value.errors] == [pointer]


def test_the_first_time_of_new_rules_lies_ahead() -> None:
    assert check(EVERY_FIVE, NOW) == NOW + FIVE
    assert check(replace(EVERY_FIVE, start_at=NOW + HOUR), NOW) == NOW + HOUR
