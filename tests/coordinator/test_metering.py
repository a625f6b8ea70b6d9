"""How fast a user may submit, and who may as they like."""

from __future__ import annotations

import pytest

from tenure.coordinator import metering
from tenure.coordinator.metering import Meter
from tenure.domain.access import LOCAL_ADMIN, Principal, Role
from tenure.domain.errors import QuotaExceeded
from tenure.settings import Quotas
from tests.builders import OTHER_WORKER, WORKER
from tests.coordinator.test_throttling import Hand

ANN, BOB = Principal(Role.USER, WORKER), Principal(Role.USER, OTHER_WORKER)
ADMIN = Principal(Role.ADMIN, OTHER_WORKER)
PACE = Quotas(jobs_per_minute=60, unfinished_jobs=5, schedules=2)


def test_a_minutes_worth_at_once_then_as_time_passes() -> None:
    clock = Hand()
    meter = Meter(clock, PACE)
    meter.submitting(ANN, 50)
    meter.submitting(ANN, 10)
    with pytest.raises(QuotaExceeded) as refused:
        meter.submitting(ANN, 3)
    assert refused.value.retry_after == pytest.approx(3)
    assert refused.value.detail.startswith("quota jobs_per_minute: at most 60, 60 were submitted")
    meter.submitting(BOB, 60)
    clock.go(3)
    meter.submitting(ANN, 3)
    with pytest.raises(QuotaExceeded):
        meter.submitting(ANN, 1)
    clock.go(60)
    meter.submitting(ANN, 60)


def test_more_than_a_minute_takes_is_never_taken() -> None:
    meter = Meter(Hand(), PACE)
    with pytest.raises(QuotaExceeded) as refused:
        meter.submitting(ANN, 1_000)
    assert refused.value.retry_after is not None and refused.value.retry_after <= 60
    meter.submitting(ANN, 60)


@pytest.mark.parametrize("principal", [LOCAL_ADMIN, ADMIN])
def test_admins_and_the_local_run_may_as_they_like(principal: Principal) -> None:
    meter = Meter(Hand(), PACE)
    for _ in range(3):
        meter.submitting(principal, 1_000)
    assert meter.most_unfinished(principal) is None
    assert meter.most_schedules(principal) is None
    assert (meter.most_unfinished(ANN), meter.most_schedules(ANN)) == (5, 2)


def test_zero_is_no_bound() -> None:
    meter = Meter(Hand(), Quotas(jobs_per_minute=0, unfinished_jobs=0, schedules=0))
    meter.submitting(ANN, 1_000_000)
    assert meter.most_unfinished(ANN) is None
    assert meter.most_schedules(ANN) is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "MAX_KEPT", 2)
    meter = Meter(Hand(), PACE)
    for number in range(3):
        meter.submitting(Principal(Role.USER, f"user-{number}"), 60)
    meter.submitting(Principal(Role.USER, "user-0"), 60)
    with pytest.raises(QuotaExceeded):
        meter.submitting(Principal(Role.USER, "user-2"), 1)
