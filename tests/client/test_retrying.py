from __future__ import annotations

import pytest

from tenure.client.retrying import NO_PATIENCE, Patience
from tenure.domain.errors import Conflict, TenureError, TooMany, Unavailable, Unreachable

LOW, HIGH = (lambda: 0.0), (lambda: 0.999999)


def patience(**changes: object) -> Patience:
    return Patience(**({"retry_for": 1000.0, "first_delay": 1.0, "max_delay": 8.0} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [Unreachable(), Unavailable(), TooMany()])
def test_what_may_pass_is_waited_for(error: TenureError) -> None:
    assert patience().delay(error, 1, 0.0) is not None


@pytest.mark.parametrize("error", [Conflict(), TenureError()])
def test_what_will_not_pass_is_not(error: TenureError) -> None:
    assert patience().delay(error, 1, 0.0) is None


def test_delays_double_up_to_the_cap() -> None:
    waits = [patience(draw=HIGH).delay(Unreachable(), n, 0.0) for n in range(1, 7)]
    assert waits == pytest.approx([1, 2, 4, 8, 8, 8], rel=1e-3)


def test_delays_are_jittered_over_their_upper_half() -> None:
    assert patience(draw=LOW).delay(Unreachable(), 3, 0.0) == pytest.approx(2.0)
    assert patience(draw=HIGH).delay(Unreachable(), 3, 0.0) == pytest.approx(4.0, rel=1e-3)


def test_retry_after_is_never_undercut() -> None:
    error = Unavailable(retry_after=30.0)
    assert patience(draw=LOW).delay(error, 1, 0.0) == 30.0
    assert patience(draw=HIGH).delay(error, 1, 0.0) == pytest.approx(33.0, rel=1e-3)


def test_a_short_retry_after_does_not_shorten_the_backoff() -> None:
    assert patience(draw=LOW).delay(TooMany(retry_after=0.0), 4, 0.0) == pytest.approx(4.0)


def test_the_budget_ends_it() -> None:
    assert patience(draw=LOW, retry_for=10.0).delay(Unreachable(), 1, 9.4) is not None
    assert patience(draw=LOW, retry_for=10.0).delay(Unreachable(), 1, 9.6) is None
    assert NO_PATIENCE.delay(Unreachable(), 1, 0.0) is None


def test_very_many_failures_do_not_overflow() -> None:
    assert patience(draw=HIGH).delay(Unreachable(), 10**9, 0.0) == pytest.approx(8.0, rel=1e-3)
