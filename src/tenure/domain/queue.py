"""Queues: what a person sets, and what a queue therefore gives. Instants and spans are
microseconds."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.domain.clock import DAY, SECOND

MAX_RUNNING = 1_000_000
MAX_RATE = 1_000_000
MIN_INTERVAL = SECOND // 10
MAX_INTERVAL = DAY
MIN_AGING = SECOND
MAX_AGING = 365 * DAY


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket of `count` tokens that fills up in `interval`; every start takes one.

    Its whole state is one instant `at`: when it is full again. A bucket is full from then on, and
    holds less the further `at` lies ahead.
    """

    count: int
    interval: int

    def tokens(self, at: int, now: int) -> int:
        """How many starts it allows now."""
        return (now + self.interval - self._at(at, now)) * self.count // self.interval

    def spend(self, at: int, now: int, starts: int) -> int:
        """The new `at`; `starts` are as many as it allows or fewer."""
        return self._at(at, now) - (-starts * self.interval // self.count)

    def next_at(self, at: int, now: int) -> int:
        """When it allows a start: now, or the instant at which the next token is there."""
        return max(now, self._at(at, now) - self.interval - (-self.interval // self.count))

    def _at(self, at: int, now: int) -> int:
        """Never further ahead than an empty bucket: the clock may have stepped back."""
        return min(max(at, now), now + self.interval)


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What a person set for a queue; as it stands here it is a queue that nobody touched.

    `aging`: the wait that counts as much as one step of priority; None: no wait does.
    """

    max_running: int | None = None
    rate: Rate | None = None
    aging: int | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a queue gives jobs, from what was set and its use: `in_use` of its jobs run, its
    bucket is full again at `rate_at`. Dispatch and explanations ask the same."""

    rules: QueueRules
    paused_at: int | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    in_use: int = 0
    rate_at: int = 0

    @property
    def paused(self) -> bool:
        return self.paused_at is not None

    @property
    def full(self) -> bool:
        """As many jobs run as may."""
        return self.rules.max_running is not None and self.in_use >= self.rules.max_running

    def tokens(self, now: int) -> int | None:
        """How many starts its rate allows now; None without a rate."""
        rate = self.rules.rate
        return None if rate is None else rate.tokens(self.rate_at, now)

    def next_start_at(self, now: int) -> int:
        """When its rate allows a start: now without one."""
        rate = self.rules.rate
        return now if rate is None else rate.next_at(self.rate_at, now)

    def room(self, now: int, wanted: int) -> int:
        """How many of `wanted` jobs it gives now."""
        if self.paused:
            return 0
        if self.rules.max_running is not None:
            wanted = min(wanted, max(self.rules.max_running - self.in_use, 0))
        tokens = self.tokens(now)
        return wanted if tokens is None else min(wanted, tokens)


UNTOUCHED = Gate(QueueRules())
"""A queue for which nothing is set."""
