"""Whether this coordinator has been well long enough to call a silent worker silent.

A coordinator that has just started, was stopped, lost its store or saw its clock jump cannot tell a
dead worker from one that it did not hear. It reclaims nothing until it has committed without a gap
longer than one heartbeat for one full lease time.
"""

from __future__ import annotations

from tenure.domain.lease import LeaseTerms


class Steadiness:
    """Follows the commits. All instants are microseconds of one monotonic clock.

    `committed` and `reset` belong to one thread, `steady` may be asked from any.
    """

    def __init__(self, terms: LeaseTerms, now: int) -> None:
        self._gap = terms.heartbeat
        self._lease = terms.lease
        self._run = (now, now)

    def committed(self, now: int) -> None:
        """A transaction was committed."""
        since, last = self._run
        self._run = (since if now - last <= self._gap else now, now)

    def reset(self, now: int) -> None:
        """Start anew: the clock stepped."""
        self._run = (now, now)

    def steady(self, now: int) -> bool:
        """Whether the sweeper may reclaim leases."""
        since, last = self._run  # read at once: the two belong together
        return now - last <= self._gap and now - since >= self._lease
