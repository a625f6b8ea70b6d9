"""Makes due jobs pending, and ends those whose time to start has passed."""

from __future__ import annotations

from tenure.background.due import when_due
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
        return await when_due(self._committer, self._reader, next_due, _move, now)


def _move(unit: Unit) -> int:
    return expire(unit, _LIMIT) + promote(unit, _LIMIT)
