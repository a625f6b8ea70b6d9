"""Looks again at what waiting polls and followers of logs may have missed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tenure.background.duty import Ticked


class Lookout:
    """Every five seconds, whatever was notified: a wake-up that got lost costs latency, no job."""

    name = "lookout"
    interval = 5.0

    def __init__(self, look_again: Callable[[], Awaitable[None]]) -> None:
        self._look_again = look_again

    async def tick(self, now: int) -> Ticked:
        """Wake the waiting polls whose lanes have work, and the followers whose log has grown."""
        await self._look_again()
        return Ticked()
