"""Keeps the live numbers fresh."""

from __future__ import annotations

from typing import Protocol

from tenure.background.duty import Ticked


class Refreshed(Protocol):
    """Something that takes a snapshot and decides itself how often that is worth it."""

    async def refresh(self) -> None:
        """Take it."""


class Snapshot:
    """Asks for a new snapshot of the active jobs once a second."""

    name = "snapshot"
    interval = 1.0

    def __init__(self, insight: Refreshed) -> None:
        self._insight = insight

    async def tick(self, now: int) -> Ticked:
        """Take one snapshot."""
        await self._insight.refresh()
        return Ticked(1)
