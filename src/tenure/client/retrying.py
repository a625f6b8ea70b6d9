"""How long a client waits before it sends a request again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tenure.domain.errors import TenureError, TooMany, Unavailable, Unreachable

RETRIED = (Unreachable, Unavailable, TooMany)
"""The errors after which the same request may be sent again, if it is safe or carries a key."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Jittered exponential backoff within a budget. All values are seconds."""

    retry_for: float = 15.0
    """No further attempt starts later than this after the first; 0 never retries."""
    first_delay: float = 0.05
    max_delay: float = 5.0
    draw: Callable[[], float] = random.random
    """A number in [0, 1); tests pass their own."""

    def delay(self, error: TenureError, failures: int, elapsed: float) -> float | None:
        """Seconds to wait after `failures` failed attempts (1 or more), None to give up.

        Never shorter than the answer's Retry-After. `elapsed`: seconds since the first attempt.
        """
        if not isinstance(error, RETRIED):
            return None
        ceiling = min(self.first_delay * 2.0 ** min(failures - 1, 32), self.max_delay)
        wait = ceiling * (0.5 + 0.5 * self.draw())
        if error.retry_after is not None:
            wait = max(wait, error.retry_after * (1 + 0.1 * self.draw()))
        return wait if elapsed + wait <= self.retry_for else None


NO_PATIENCE = Patience(retry_for=0.0)
