from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain import clock
from tenure.domain.clock import SECOND, Clock


class Hands:
    """A monotonic and a wall clock that a test moves."""

    def __init__(self) -> None:
        self.monotonic = 5 * SECOND
        self.wall = 1_000 * SECOND

    def clock(self) -> Clock:
        return Clock(lambda: self.monotonic, lambda: self.wall)


def test_now_begins_at_the_wall_clock() -> None:
    assert Hands().clock().now() == 1_000 * SECOND


def test_now_follows_the_monotonic_clock_only() -> None:
    hands = Hands()
    ticking = hands.clock()
    hands.wall -= 500 * SECOND
    hands.monotonic += 3 * SECOND
    assert ticking.now() == 1_003 * SECOND


@pytest.mark.parametrize(
    ("moved", "stepped"),
    [(0, False), (SECOND, False), (-SECOND, False), (SECOND + 1, True), (-SECOND - 1, True)],
)
def test_an_offset_that_moves_by_more_than_a_second_is_a_step(moved: int, stepped: bool) -> None:
    ticking = Hands().clock()
    assert ticking.adjust(995 * SECOND + moved) is stepped
    assert ticking.now() == 1_000 * SECOND + moved


def test_a_step_is_said_once() -> None:
    ticking = Hands().clock()
    assert ticking.adjust(0) is True
    assert ticking.adjust(0) is False


def test_the_host_clocks_are_in_microseconds() -> None:
    assert abs(clock.wall_now() - time.time() * 1e6) < SECOND
    first, second = clock.monotonic_now(), clock.monotonic_now()
    assert 0 <= second - first < SECOND
    assert abs(Clock().now() - clock.wall_now()) < SECOND


def test_an_instant_as_text_always_has_six_decimals() -> None:
    assert clock.rfc3339(0) == "1970-01-01T00:00:00.000000Z"
    assert clock.rfc3339(-1) == "1969-12-31T23:59:59.999999Z"


def test_the_first_and_last_instant_have_text() -> None:
    assert clock.rfc3339(clock.MIN_INSTANT) == "0001-01-01T00:00:00.000000Z"
    assert clock.rfc3339(clock.MAX_INSTANT) == "9999-12-31T23:59:59.000000Z"


@given(st.integers(clock.MIN_INSTANT, clock.MAX_INSTANT))
def test_datetimes_and_text_keep_every_microsecond(instant: int) -> None:
    assert clock.from_datetime(clock.to_datetime(instant)) == instant
    assert clock.from_datetime(datetime.fromisoformat(clock.rfc3339(instant))) == instant


def test_a_zone_is_converted() -> None:
    eastern = timezone(timedelta(hours=-5))
    assert clock.from_datetime(datetime(1969, 12, 31, 19, 0, 1, tzinfo=eastern)) == SECOND
    assert clock.to_datetime(SECOND) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock.from_datetime(datetime(2026, 1, 1))


def test_spans() -> None:
    assert clock.micros(timedelta(days=1, microseconds=7)) == clock.DAY + 7
    assert clock.micros(timedelta(minutes=-1)) == -clock.MINUTE
