"""How much a user may have and how fast, as the settings say. Admins and the local run may more.

The pace is kept in this coordinator's memory, bounded: several coordinators each allow as much.
"""

from __future__ import annotations

from collections import OrderedDict

from tenure.domain.access import Principal
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import QuotaExceeded
from tenure.settings import Quotas

MAX_KEPT = 20_000
"""Owners whose pace is kept; the one that submitted longest ago goes first."""
_WINDOW = 60 * SECOND


class Meter:
    """The quotas of callers. Use from one event loop."""

    def __init__(self, clock: Clock, quotas: Quotas) -> None:
        self._clock = clock
        self._quotas = quotas
        self._taken: OrderedDict[str, float] = OrderedDict()

    def most_unfinished(self, principal: Principal) -> int | None:
        """How many unfinished jobs the caller may have; None: as many as they like."""
        return self._bound(principal, self._quotas.unfinished_jobs)

    def most_schedules(self, principal: Principal) -> int | None:
        """How many schedules the caller may have; None: as many as they like."""
        return self._bound(principal, self._quotas.schedules)

    def submitting(self, principal: Principal, jobs: int) -> None:
        """Note that the caller submits so many jobs, whatever becomes of them.

        Raises QuotaExceeded, with the seconds to wait, when that is more than a minute takes.
        """
        owner = principal.only
        most = self._bound(principal, self._quotas.jobs_per_minute)
        if owner is None or most is None:
            return
        now, step = self._clock.monotonic(), _WINDOW / most
        before = max(self._taken.get(owner, 0.0), now)
        until = before + jobs * step
        if until - now > _WINDOW:
            used = round((before - now) / step)
            wait = min(until - now - _WINDOW, _WINDOW) / SECOND
            raise QuotaExceeded(
                f"quota jobs_per_minute: at most {most}, {used} were submitted, {jobs} more were "
                f"asked for; wait {wait:.0f} s",
                retry_after=max(wait, 1.0),
            )
        self._taken[owner] = until
        self._taken.move_to_end(owner)
        if len(self._taken) > MAX_KEPT:
            self._taken.popitem(last=False)

    def _bound(self, principal: Principal, most: int) -> int | None:
        return None if principal.only is None or most == 0 else most
