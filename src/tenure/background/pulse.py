"""Says that this coordinator lives, and shows that its store takes commits."""

from __future__ import annotations

from collections.abc import Callable

from tenure.background.duty import Ticked
from tenure.domain.lease import LeaseTerms
from tenure.store import coordinators
from tenure.store.committer import Committer

_BEATS_PER_HEARTBEAT = 3


class Pulse:
    """Commits three times a heartbeat, so that also an idle coordinator counts as steady.

    `counted` is told how many coordinators of this store live, this one included.
    """

    name = "pulse"

    def __init__(
        self, committer: Committer, terms: LeaseTerms, counted: Callable[[int], None]
    ) -> None:
        self.interval = terms.heartbeat_seconds / _BEATS_PER_HEARTBEAT
        self._committer = committer
        self._terms = terms
        self._counted = counted

    async def tick(self, now: int) -> Ticked:
        """Write one beat."""
        alive = await self._committer.run(lambda unit: coordinators.beat(unit, self._terms))
        self._counted(alive)
        return Ticked(1)

    async def leave(self) -> None:
        """This coordinator stops: take its row away. Raises Unavailable."""
        await self._committer.run(coordinators.leave)
