"""Leases: the time rules both sides follow.

A lease ends when it is reported, released or reclaimed, not when its time is up; `lease_expires_at`
says only from when the sweeper may reclaim it. Durations here are seconds, instants microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenure.domain.clock import SECOND

HEARTBEATS_PER_LEASE = 3
TIMEOUT_GRACE_SECONDS = 10.0
CANCEL_GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """`lease_seconds` with what follows from it."""

    lease_seconds: float = 30.0

    @property
    def heartbeat_seconds(self) -> float:
        """Seconds between heartbeats: three to a lease."""
        return self.lease_seconds / HEARTBEATS_PER_LEASE

    @property
    def lease(self) -> int:
        """The lease in microseconds."""
        return int(self.lease_seconds * SECOND)

    @property
    def heartbeat(self) -> int:
        """The heartbeat interval in microseconds."""
        return int(self.heartbeat_seconds * SECOND)

    def deadline_at(self, started_at: int, timeout_seconds: float) -> int:
        """When a job with a timeout may be reclaimed whatever its renewals: timeout + grace.

        A stuck worker cannot hold such a job for ever.
        """
        return started_at + int((timeout_seconds + TIMEOUT_GRACE_SECONDS) * SECOND)

    def expires_at(self, now: int, deadline_at: int | None) -> int:
        """When a lease granted or renewed `now` may be reclaimed."""
        expires = now + self.lease
        return expires if deadline_at is None else min(expires, deadline_at)

    def never_received(self, now: int, granted_at: int) -> bool:
        """Whether a lease its worker does not list was lost with its answer (semantics 2)."""
        return now - granted_at > self.heartbeat


@dataclass(slots=True)
class Trust:
    """The worker's side: how long a lease may be believed.

    Counted from the *send* time of the last good renewal, on the worker's monotonic clock
    (seconds), so a slow answer never makes a lease longer than the coordinator thinks.
    """

    lease_seconds: float
    trusted_until: float

    @classmethod
    def granted(cls, lease_seconds: float, sent_at: float, waited_seconds: float) -> Trust:
        """A new lease counts from the send time of the acquire plus what the coordinator waited."""
        return cls(lease_seconds, sent_at + waited_seconds + lease_seconds)

    def renew(self, sent_at: float) -> None:
        """A renewal that was sent at `sent_at` was answered."""
        self.trusted_until = max(self.trusted_until, sent_at + self.lease_seconds)

    def holds(self, now: float) -> bool:
        return now < self.trusted_until
