from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain.retry import DEFAULT_RETRY_POLICY, RetryPolicy, Strategy, parse_strategy

MIDDLE = 0.5
"""The random number at which jitter changes nothing."""


@pytest.mark.parametrize(
    ("strategy", "delays"),
    [
        (Strategy.EXPONENTIAL, [2, 6, 18, 50, 50]),
        (Strategy.LINEAR, [2, 4, 6, 8, 10]),
        (Strategy.FIXED, [2, 2, 2, 2, 2]),
    ],
)
def test_delays(strategy: Strategy, delays: list[float]) -> None:
    policy = RetryPolicy(strategy, 2, multiplier=3, max_delay_seconds=50)
    assert [policy.delay(n, MIDDLE) for n in range(1, 6)] == delays


def test_the_default_is_two_seconds_doubled_up_to_an_hour() -> None:
    assert [DEFAULT_RETRY_POLICY.delay(n, MIDDLE) for n in (1, 2, 3, 12)] == [2, 4, 8, 3600]


def test_jitter_spreads_both_ways() -> None:
    policy = RetryPolicy(Strategy.FIXED, 10, jitter=0.2)
    assert policy.delay(1, 0.0) == pytest.approx(8)
    assert policy.delay(1, MIDDLE) == pytest.approx(10)
    assert policy.delay(1, 0.999999) == pytest.approx(12, abs=0.001)


def test_the_cap_holds_after_jitter() -> None:
    policy = RetryPolicy(Strategy.FIXED, 10, max_delay_seconds=10, jitter=0.5)
    assert policy.delay(1, 0.9) == 10
    assert policy.delay(1, 0.0) == 5


def test_a_power_beyond_floats_is_the_cap() -> None:
    policy = RetryPolicy(multiplier=1000, max_delay_seconds=60, jitter=0)
    assert policy.delay(10_000, MIDDLE) == 60


@given(
    strategy=st.sampled_from(Strategy),
    initial=st.floats(0, 1e9),
    multiplier=st.floats(1, 1000),
    cap=st.floats(0, 1e9),
    jitter=st.floats(0, 1),
    failures=st.integers(1, 10_000),
    random=st.floats(0, 1, exclude_max=True),
)
def test_always_between_nothing_and_the_cap(
    strategy: Strategy,
    initial: float,
    multiplier: float,
    cap: float,
    jitter: float,
    failures: int,
    random: float,
) -> None:
    delay = RetryPolicy(strategy, initial, multiplier, cap, jitter).delay(failures, random)
    assert math.isfinite(delay)
    assert 0 <= delay <= cap


@pytest.mark.parametrize(
    ("word", "strategy"),
    [
        ("exponential", Strategy.EXPONENTIAL),
        ("ExponentialBackoff", Strategy.EXPONENTIAL),
        (" LINEAR ", Strategy.LINEAR),
        ("linearbackoff", Strategy.LINEAR),
        ("FixedBackoff", Strategy.FIXED),
    ],
)
def test_words(word: str, strategy: Strategy) -> None:
    assert parse_strategy(word) is strategy


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="sometimes"):
        parse_strategy("sometimes")
