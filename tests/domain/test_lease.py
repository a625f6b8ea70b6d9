from __future__ import annotations

import pytest

from tenure.domain.clock import SECOND
from tenure.domain.lease import TIMEOUT_GRACE_SECONDS, LeaseTerms, Trust

NOW = 1_000 * SECOND


def test_three_heartbeats_to_a_lease() -> None:
    terms = LeaseTerms(30)
    assert terms.heartbeat_seconds == 10
    assert terms.lease == 30 * SECOND
    assert terms.heartbeat == 10 * SECOND


def test_a_lease_of_less_than_a_second() -> None:
    terms = LeaseTerms(0.3)
    assert terms.lease == 300_000
    assert terms.heartbeat == pytest.approx(100_000, abs=1)


def test_without_a_deadline_a_lease_lasts_its_time() -> None:
    assert LeaseTerms(30).expires_at(NOW, None) == NOW + 30 * SECOND


def test_the_deadline_is_the_timeout_and_its_grace() -> None:
    assert LeaseTerms(30).deadline_at(NOW, 5) == NOW + int((5 + TIMEOUT_GRACE_SECONDS) * SECOND)
    assert TIMEOUT_GRACE_SECONDS == 10


@pytest.mark.parametrize(
    ("deadline", "expires"),
    [(NOW + 5 * SECOND, NOW + 5 * SECOND), (NOW + 60 * SECOND, NOW + 30 * SECOND)],
)
def test_a_renewal_never_reaches_beyond_the_deadline(deadline: int, expires: int) -> None:
    assert LeaseTerms(30).expires_at(NOW, deadline) == expires


@pytest.mark.parametrize(
    ("age", "lost"), [(0, False), (10 * SECOND, False), (10 * SECOND + 1, True)]
)
def test_an_unlisted_lease_is_lost_after_more_than_a_heartbeat(age: int, lost: bool) -> None:
    assert LeaseTerms(30).never_received(NOW, NOW - age) is lost


def test_trust_counts_from_the_send_and_what_the_coordinator_waited() -> None:
    trust = Trust.granted(30, sent_at=100.0, waited_seconds=5)
    assert trust.holds(134.9)
    assert not trust.holds(135.0)


def test_a_renewal_counts_from_its_send() -> None:
    trust = Trust.granted(30, sent_at=100.0, waited_seconds=0)
    trust.renew(120.0)
    assert trust.holds(149.9)
    assert not trust.holds(150.0)


def test_an_answer_that_comes_late_takes_no_trust_away() -> None:
    trust = Trust.granted(30, sent_at=100.0, waited_seconds=0)
    trust.renew(120.0)
    trust.renew(110.0)
    assert trust.trusted_until == 150.0
