from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain.clock import SECOND
from tenure.domain.queue import UNTOUCHED, Gate, QueueRules, Rate
from tests.builders import NOW

TEN = Rate(10, SECOND)


def test_a_full_bucket_gives_all_at_once_and_then_one_by_one() -> None:
    assert TEN.tokens(0, NOW) == 10
    at = TEN.spend(0, NOW, 10)
    assert TEN.tokens(at, NOW) == 0
    assert TEN.next_at(at, NOW) == NOW + SECOND // 10
    assert TEN.tokens(at, NOW + SECOND // 10 - 1) == 0
    assert TEN.tokens(at, NOW + SECOND // 10) == 1
    assert TEN.tokens(at, NOW + SECOND) == TEN.tokens(at, NOW + 9 * SECOND) == 10


def test_what_is_left_may_go_now() -> None:
    at = TEN.spend(0, NOW, 3)
    assert (TEN.tokens(at, NOW), TEN.next_at(at, NOW)) == (7, NOW)


def test_a_clock_that_stepped_back_costs_one_interval_at_most() -> None:
    at = TEN.spend(0, NOW + 3600 * SECOND, 10)
    assert TEN.tokens(at, NOW) == 0
    assert TEN.next_at(at, NOW) == NOW + SECOND // 10


@given(
    count=st.integers(1, 1_000),
    interval=st.integers(SECOND // 10, 100 * SECOND),
    asked=st.lists(st.tuples(st.integers(0, 2 * SECOND), st.integers(0, 50)), max_size=60),
)
def test_no_span_sees_more_than_the_bucket_and_what_flows_in(
    count: int, interval: int, asked: list[tuple[int, int]]
) -> None:
    rate, at, now = Rate(count, interval), 0, NOW
    started: list[int] = []
    for wait, wanted in asked:
        now += wait
        starts = min(wanted, rate.tokens(at, now))
        at = rate.spend(at, now, starts)
        started += [now] * starts
        if not rate.tokens(at, now):
            due = rate.next_at(at, now)
            assert rate.tokens(at, due) >= 1
            assert rate.tokens(at, due - 1) == 0
    for place, first in enumerate(started):
        for number, last in enumerate(started[place:], 1):
            assert number <= count + (last - first) * count / interval


def test_an_untouched_queue_gives_what_is_wanted() -> None:
    assert UNTOUCHED.room(NOW, 7) == 7
    assert (UNTOUCHED.paused, UNTOUCHED.full, UNTOUCHED.tokens(NOW)) == (False, False, None)
    assert UNTOUCHED.next_start_at(NOW) == NOW


@pytest.mark.parametrize(
    ("changes", "room"),
    [
        ({"paused_at": NOW}, 0),
        ({"rules": QueueRules(max_running=5), "in_use": 3}, 2),
        ({"rules": QueueRules(max_running=5), "in_use": 8}, 0),
        ({"rules": QueueRules(rate=TEN), "rate_at": NOW + SECOND // 2}, 5),
        ({"rules": QueueRules(max_running=20, rate=TEN), "in_use": 1}, 10),
        ({"rules": QueueRules(max_running=4, rate=TEN), "in_use": 1}, 3),
        ({"rules": QueueRules(aging=SECOND)}, 50),
    ],
)
def test_the_narrowest_bound_decides(changes: dict[str, object], room: int) -> None:
    gate: Gate = replace(UNTOUCHED, **changes)  # type: ignore[arg-type]
    assert gate.room(NOW, 50) == room
