"""Fires schedules whose time has come."""

from __future__ import annotations

from tenure.background.due import when_due
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
        return await when_due(self._committer, self._reader, next_due, fire, now)
