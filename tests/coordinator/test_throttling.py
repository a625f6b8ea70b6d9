"""Who knocks too often waits, and remembering it costs a bounded amount of memory."""

from __future__ import annotations

import pytest

from tenure.coordinator import throttling
from tenure.coordinator.throttling import Backoff, Door, Throttle
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import TooMany
from tenure.settings import Limits

HERE = "192.0.2.1"
PACE = Limits(logins=4, refreshes=2, registrations=1)
FREE = Limits(logins=1_000_000, refreshes=1_000_000, registrations=1_000_000)


class Hand(Clock):
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1_000 * SECOND

    def monotonic(self) -> int:
        return self.at

    def go(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)


@pytest.fixture
def clock() -> Hand:
    return Hand()


def _refused(throttle: Throttle, door: Door, address: str, account: str | None = None) -> float:
    """The seconds an attempt is told to wait."""
    with pytest.raises(TooMany) as caught:
        throttle.admit(door, address, account)
    assert caught.value.retry_after is not None
    return caught.value.retry_after


def test_a_pace_is_spent_and_comes_back_evenly(clock: Hand) -> None:
    throttle = Throttle(clock, PACE)
    left = [throttle.admit(Door.LOGIN, HERE).remaining for _ in range(4)]
    assert left == [3, 2, 1, 0]
    assert _refused(throttle, Door.LOGIN, HERE) == 15
    standing = throttle.standing(Door.LOGIN, HERE)
    assert (standing.quota, standing.window_seconds) == (4, 60)
    assert (standing.remaining, standing.reset_seconds) == (0, 60)
    clock.go(15)
    assert throttle.admit(Door.LOGIN, HERE).remaining == 0
    _refused(throttle, Door.LOGIN, HERE)
    clock.go(120)
    assert throttle.admit(Door.LOGIN, HERE).remaining == 3


def test_doors_and_addresses_have_each_their_own(clock: Hand) -> None:
    throttle = Throttle(clock, PACE)
    throttle.admit(Door.REGISTER, HERE)
    assert _refused(throttle, Door.REGISTER, HERE) == 3600
    throttle.admit(Door.REFRESH, HERE)
    throttle.admit(Door.LOGIN, HERE)
    throttle.admit(Door.REGISTER, "192.0.2.2")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("2001:db8::1", True), ("2001:db8:0:0:ffff::1", True), ("2001:db8:0:1::1", False),
        ("192.0.2.1", False), ("nonsense", False),
    ],
)  # fmt: skip
def test_one_network_of_ipv6_is_one_caller(clock: Hand, other: str, same: bool) -> None:
    throttle = Throttle(clock, PACE)
    throttle.admit(Door.REGISTER, "2001:db8::7")
    if same:
        _refused(throttle, Door.REGISTER, other)
    else:
        throttle.admit(Door.REGISTER, other)


def test_failures_on_an_account_double_the_wait_from_wherever_they_come(clock: Hand) -> None:
    throttle = Throttle(clock, FREE)
    waits = []
    for number in range(14):
        throttle.admit(Door.LOGIN, f"192.0.2.{number}", "Ann")
        try:
            throttle.admit(Door.LOGIN, f"198.51.100.{number}", " ann ")
        except TooMany as error:
            waits.append(error.retry_after)
            assert error.retry_after is not None
            clock.go(error.retry_after)
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert max(wait for wait in waits if wait is not None) == 60
    throttle.admit(Door.LOGIN, HERE, "bob")


def test_failures_from_an_address_double_the_wait_for_every_account(clock: Hand) -> None:
    throttle = Throttle(clock, FREE)
    for number in range(20):
        throttle.admit(Door.LOGIN, HERE, f"user-{number}")
    wait = _refused(throttle, Door.LOGIN, HERE, "another")
    assert wait == 1
    clock.go(wait)
    throttle.admit(Door.LOGIN, HERE, "another")
    assert _refused(throttle, Door.LOGIN, HERE, "one more") == 2
    throttle.admit(Door.LOGIN, "192.0.2.2", "another")


def test_two_hundred_attempts_at_once_get_no_further_than_in_a_row(clock: Hand) -> None:
    throttle = Throttle(clock, FREE)
    let_in = 0
    for _ in range(200):
        try:
            throttle.admit(Door.LOGIN, HERE, "ann")
        except TooMany:
            continue
        let_in += 1
    assert let_in == 5


def test_success_clears_the_account_and_forgives_the_address_one(clock: Hand) -> None:
    throttle = Throttle(clock, FREE)
    for _ in range(100):
        throttle.admit(Door.LOGIN, HERE, "ann")
        throttle.succeeded(HERE, "ann")
    for number in range(19):
        throttle.admit(Door.LOGIN, HERE, f"user-{number}")
    throttle.admit(Door.LOGIN, HERE, "ann")
    throttle.succeeded(HERE, "ann")
    throttle.admit(Door.LOGIN, HERE, "ann")
    assert _refused(throttle, Door.LOGIN, HERE, "ann") == 1
    throttle.succeeded("192.0.2.99", "nobody")


def test_failures_are_forgotten(clock: Hand) -> None:
    throttle = Throttle(clock, FREE)
    for _ in range(5):
        throttle.admit(Door.LOGIN, HERE, "ann")
    clock.go(16 * 60)
    for _ in range(5):
        throttle.admit(Door.LOGIN, HERE, "ann")
    _refused(throttle, Door.LOGIN, HERE, "ann")


def test_the_wait_has_an_end() -> None:
    backoff = Backoff(free=2, cap=100 * SECOND)
    assert [backoff.wait(number) // SECOND for number in (1, 2, 3, 9, 10_000)] == [
        0,
        1,
        2,
        100,
        100,
    ]


def test_memory_is_bounded(clock: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "MAX_KEPT", 100)
    throttle = Throttle(clock, FREE)
    for number in range(1_000):
        throttle.admit(
            Door.LOGIN, f"10.0.{number // 250}.{number % 250}", f"{number}" + "x" * 10_000
        )
    assert len(throttle) == 200
