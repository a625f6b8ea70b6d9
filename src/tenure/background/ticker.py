"""Fires schedules whose time has come."""

from __future__ import annotations

from tenure.background.duty import Ticked
from tenure.store.committer import Committer
from tenure.store.fires import fire, next_due
from tenure.store.reader import Reader


class Ticker:
    """Rests until the next schedule is due. Whoever commits one that is due sooner wakes its loop.

    An idle schedule costs nothing: each tick reads the first entry of one index.
    """

    name = "ticker"
    interval = 1.0

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._committer = committer
        self._reader = reader

    async def tick(self, now: int) -> Ticked:
        """Fire up to 500 due schedules. Writes only when one is due."""
        due = await self._reader.run(next_due)
        if due is None or due > now:
            return Ticked(next_at=due)
        done = await self._committer.run(fire)
        # None at all: another coordinator has them. Asking again at once would only spin.
        return Ticked(done, more=done > 0)
