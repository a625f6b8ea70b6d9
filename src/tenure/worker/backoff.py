"""How long a worker waits before it tries again. It never gives up."""

from __future__ import annotations

import random
from collections.abc import Callable

from tenure.domain.errors import TenureError

FIRST_SECONDS = 0.1
MAX_SECONDS = 5.0


class Backoff:
    """Jittered exponential delays. `draw` gives a number in [0, 1); tests pass their own."""

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self.failures = 0

    def reset(self) -> None:
        """It worked."""
        self.failures = 0

    def next(self, error: TenureError) -> float:
        """Seconds to wait after one more failure, never less than the answer's Retry-After."""
        ceiling = min(FIRST_SECONDS * 2.0 ** min(self.failures, 16), MAX_SECONDS)
        self.failures += 1
        wait = ceiling * (0.5 + 0.5 * self._draw())
        return wait if error.retry_after is None else max(wait, error.retry_after)
