from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain import clock
from tenure.domain.job import (
    DEFAULT_OPTIONS,
    MAX_PRIORITY,
    MIN_PRIORITY,
    STRICT_STEP,
    JobSpec,
    OnLost,
    rank,
)

instants = st.integers(0, clock.MAX_INSTANT)
priorities = st.integers(MIN_PRIORITY, MAX_PRIORITY)


@given(first=instants, second=instants, priority=priorities)
def test_equal_priorities_go_by_age(first: int, second: int, priority: int) -> None:
    assert (rank(first, priority) < rank(second, priority)) == (first < second)


@given(first=instants, second=instants, low=priorities, high=priorities)
def test_a_higher_priority_goes_first_whatever_its_age(
    first: int, second: int, low: int, high: int
) -> None:
    if abs(first - second) < STRICT_STEP and low < high:
        assert rank(first, high) < rank(second, low)


@given(at=instants, priority=priorities)
def test_a_rank_fits_the_column(at: int, priority: int) -> None:
    assert -(2**63) <= rank(at, priority) < 2**63


def test_with_a_step_a_waiting_job_overtakes() -> None:
    minute = 60_000_000
    waiting = rank(0, priority=0, step=minute)
    assert rank(9 * minute, 10, minute) < waiting
    assert rank(11 * minute, 10, minute) > waiting


def test_what_nobody_asked_for() -> None:
    assert DEFAULT_OPTIONS.max_attempts == 4
    assert DEFAULT_OPTIONS.on_lost is OnLost.RETRY
    assert JobSpec("echo").options is DEFAULT_OPTIONS
    assert JobSpec("echo").queue == "default"


def test_a_specification_that_jobs_share_cannot_change() -> None:
    with pytest.raises(FrozenInstanceError):
        JobSpec("echo").type = "other"  # type: ignore[misc]
