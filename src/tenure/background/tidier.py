"""Clears what finished jobs leave behind in the churning table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tenure.background.duty import Ticked
from tenure.store.unit import Unit

_ENOUGH = 5_000


class Tidier:
    """Has the store cleared once 5,000 jobs have finished, every two seconds at most.

    On PostgreSQL the rows of finished jobs stay in the indexes until a vacuum, and every claim
    walks over them; the server's own vacuum comes once a minute, after a million on a busy day.
    """

    name = "tidier"
    interval = 2.0

    def __init__(self, tidy: Callable[[], Awaitable[None]]) -> None:
        self._tidy = tidy
        self._finished = 0

    def committed(self, unit: Unit) -> None:
        """A transaction was committed."""
        self._finished += len(unit.finished)

    async def tick(self, now: int) -> Ticked:
        """Tidy when it is worth it."""
        if self._finished < _ENOUGH:
            return Ticked()
        done, self._finished = self._finished, 0
        await self._tidy()
        return Ticked(done)
