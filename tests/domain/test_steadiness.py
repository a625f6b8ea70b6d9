from __future__ import annotations

import pytest

from tenure.domain.clock import SECOND
from tenure.domain.lease import LeaseTerms
from tenure.domain.steadiness import Steadiness

START = 1_000 * SECOND
TERMS = LeaseTerms(30)


def beating(until: int, every: int = TERMS.heartbeat) -> Steadiness:
    """A coordinator that committed every `every` from the start to `until`."""
    steadiness = Steadiness(TERMS, START)
    for now in range(START, START + until + 1, every):
        steadiness.committed(now)
    return steadiness


def test_it_rests_for_one_lease_after_the_start() -> None:
    steadiness = beating(40 * SECOND)
    assert steadiness.steady(START + 40 * SECOND)
    young = beating(20 * SECOND)
    assert not young.steady(START + 29 * SECOND)


def test_exactly_one_lease_is_enough() -> None:
    assert beating(30 * SECOND).steady(START + 30 * SECOND)


@pytest.mark.parametrize(("silence", "steady"), [(10 * SECOND, True), (10 * SECOND + 1, False)])
def test_it_rests_while_its_last_commit_is_a_heartbeat_old(silence: int, steady: bool) -> None:
    assert beating(60 * SECOND).steady(START + 60 * SECOND + silence) is steady


def test_after_a_gap_it_rests_for_one_lease_again() -> None:
    steadiness = beating(60 * SECOND)
    gap = START + 71 * SECOND
    for now in range(gap, gap + 29 * SECOND, SECOND):
        steadiness.committed(now)
        assert not steadiness.steady(now)
    for now in range(gap + 29 * SECOND, gap + 31 * SECOND, SECOND):
        steadiness.committed(now)
    assert steadiness.steady(gap + 30 * SECOND)


def test_a_clock_step_begins_anew() -> None:
    steadiness = beating(60 * SECOND)
    steadiness.reset(START + 60 * SECOND)
    assert not steadiness.steady(START + 60 * SECOND)
