"""When the sweeper may work."""

from __future__ import annotations

import pytest

from tenure.domain.lease import LeaseTerms
from tenure.domain.steadiness import Steadiness

TERMS = LeaseTerms(30.0)
BEAT, LEASE = TERMS.heartbeat, TERMS.lease
START = 5_000_000


def committing(steadiness: Steadiness, start: int, end: int, every: int = BEAT) -> None:
    for now in range(start, end + 1, every):
        steadiness.committed(now)


def test_rests_for_one_lease_after_the_start() -> None:
    steadiness = Steadiness(TERMS, START)
    assert not steadiness.steady(START)
    committing(steadiness, START, START + LEASE)
    assert not steadiness.steady(START + LEASE - 1)
    assert steadiness.steady(START + LEASE)


def test_gap_of_one_heartbeat_is_fine_and_one_microsecond_more_is_not() -> None:
    steadiness = Steadiness(TERMS, START)
    committing(steadiness, START, START + LEASE)
    assert steadiness.steady(START + LEASE + BEAT)
    assert not steadiness.steady(START + LEASE + BEAT + 1)


def test_waking_from_a_stop_rests_again_whoever_comes_first() -> None:
    steadiness = Steadiness(TERMS, START)
    committing(steadiness, START, START + LEASE)
    woken = START + 4 * LEASE
    assert not steadiness.steady(woken)
    steadiness.committed(woken)
    assert not steadiness.steady(woken)
    committing(steadiness, woken, woken + LEASE)
    assert not steadiness.steady(woken + LEASE - 1)
    assert steadiness.steady(woken + LEASE)


def test_commits_that_stop_make_it_rest() -> None:
    steadiness = Steadiness(TERMS, START)
    committing(steadiness, START, START + 3 * LEASE)
    assert not steadiness.steady(START + 5 * LEASE)


@pytest.mark.parametrize("after", [0, BEAT])
def test_reset_starts_anew(after: int) -> None:
    steadiness = Steadiness(TERMS, START)
    committing(steadiness, START, START + LEASE)
    stepped = START + LEASE + after
    steadiness.reset(stepped)
    committing(steadiness, stepped, stepped + LEASE)
    assert not steadiness.steady(stepped + LEASE - 1)
    assert steadiness.steady(stepped + LEASE)
