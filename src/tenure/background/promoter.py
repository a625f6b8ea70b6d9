"""Makes due jobs pending, and ends those whose time to start has passed."""

from __future__ import annotations

from tenure.background.duty import Ticked
from tenure.store.committer import Committer
from tenure.store.promotions import expire, next_due, promote
from tenure.store.reader import Reader
from tenure.store.unit import Unit

_LIMIT = 1_000


class Promoter:
    """Rests until the next job is due. Whoever commits a job that is due sooner wakes its loop."""

    name = "promoter"
    interval = 1.0

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._committer = committer
        self._reader = reader

    async def tick(self, now: int) -> Ticked:
        """Promote and expire up to 1,000 jobs each. Writes only when something is due."""
        due = await self._reader.run(next_due)
        if due is None or due > now:
            return Ticked(next_at=due)
        done = await self._committer.run(_move)
        # None at all: another coordinator has them. Asking again at once would only spin.
        return Ticked(done, more=done > 0)


def _move(unit: Unit) -> int:
    return expire(unit, _LIMIT) + promote(unit, _LIMIT)
