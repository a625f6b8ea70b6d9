"""Starts and stops all loops together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tenure.background.loop import Loop


class Supervisor:
    """Owns the loops, one task each. Use from one event loop."""

    def __init__(self, loops: Sequence[Loop]) -> None:
        self.loops = tuple(loops)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The loops run inside this block. Leaving it cancels them and waits for each to end; a
        transaction that a tick has begun is still committed."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(loop.run(), name=loop.duty.name) for loop in self.loops]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    def beating(self, now: int) -> dict[str, bool]:
        """Whether each duty, by name, ticked well lately. `now` is monotonic, in microseconds."""
        return {loop.duty.name: loop.beating(now) for loop in self.loops}
