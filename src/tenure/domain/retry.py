"""Retry policies: how long a job waits after its n-th failure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    FIXED = "fixed"


STRATEGY_ALIASES: dict[str, Strategy] = {
    "exponentialbackoff": Strategy.EXPONENTIAL,
    "linearbackoff": Strategy.LINEAR,
    "fixedbackoff": Strategy.FIXED,
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays in seconds. `jitter` is a share: 0.2 spreads a delay over +-20 %."""

    strategy: Strategy = Strategy.EXPONENTIAL
    initial_delay_seconds: float = 2.0
    multiplier: float = 2.0
    max_delay_seconds: float = 3600.0
    jitter: float = 0.2

    def delay(self, failures: int, random: float) -> float:
        """Seconds to wait after `failures` failed attempts (1 or more).

        `random` in [0, 1) is the caller's. The cap holds after jitter. Exponential: initial x
        multiplier^(n-1); linear: initial x n; fixed: initial.
        """
        if self.strategy is Strategy.EXPONENTIAL:
            try:
                base = self.initial_delay_seconds * self.multiplier ** (failures - 1)
            except OverflowError:
                base = self.max_delay_seconds
        elif self.strategy is Strategy.LINEAR:
            base = self.initial_delay_seconds * failures
        else:
            base = self.initial_delay_seconds
        base = min(base, self.max_delay_seconds)
        return min(base * (1 + self.jitter * (2 * random - 1)), self.max_delay_seconds)


DEFAULT_RETRY_POLICY = RetryPolicy()


def parse_strategy(word: str) -> Strategy:
    """A strategy by its name or `ExponentialBackoff`-like word, any case. Raises ValueError."""
    lowered = word.strip().lower()
    return STRATEGY_ALIASES.get(lowered) or Strategy(lowered)
