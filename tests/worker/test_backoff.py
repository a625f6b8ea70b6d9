from __future__ import annotations

from tenure.domain.errors import Unavailable, Unreachable
from tenure.worker.backoff import FIRST_SECONDS, MAX_SECONDS, Backoff


def test_delays_double_up_to_the_cap() -> None:
    backoff = Backoff(draw=lambda: 1.0)
    delays = [backoff.next(Unreachable()) for _ in range(40)]
    assert delays[:3] == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS]
    assert max(delays) == delays[-1] == MAX_SECONDS


def test_jitter_takes_at_most_half() -> None:
    assert Backoff(draw=lambda: 0.0).next(Unreachable()) == FIRST_SECONDS / 2


def test_the_coordinators_wish_is_a_lower_bound() -> None:
    backoff = Backoff(draw=lambda: 1.0)
    assert backoff.next(Unavailable(retry_after=3)) == 3
    assert backoff.next(Unavailable(retry_after=0.01)) == 2 * FIRST_SECONDS


def test_success_starts_again() -> None:
    backoff = Backoff(draw=lambda: 1.0)
    for _ in range(5):
        backoff.next(Unreachable())
    backoff.reset()
    assert backoff.next(Unreachable()) == FIRST_SECONDS
