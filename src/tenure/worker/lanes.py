"""Many short coroutines on few tasks.

A task per job costs more than a short job. A lane is a task that works through the waiting jobs one
after another, as long as none of them suspends. As soon as one does, the next lane takes over the
rest, so jobs that wait for something run side by side exactly as with a task each.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from time import perf_counter
from typing import Any, Generic, TypeVar

SLICE_SECONDS = 0.002
"""A lane lets the loop look at its sockets at least this often, between two jobs."""
CLOSE_SECONDS = 1.0

Item = TypeVar("Item")
Work = Callable[[Item, asyncio.Task[Any]], Coroutine[Any, Any, None]]
"""Takes an item and the task it runs in, which looking up would cost a microsecond."""


class _Lane:
    __slots__ = ("over", "overtaken")

    def __init__(self) -> None:
        self.over = False
        self.overtaken = False


class Lanes(Generic[Item]):
    """Runs `work(item, task)` for every item that is added, in order of adding.

    Items never share what they leave behind: a lane ends with the first item that suspended,
    changed a context variable or was cancelled. `work` must not raise.
    """

    def __init__(self, work: Work[Item]) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._waiting: deque[Item] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, items: Iterable[Item]) -> None:
        self._waiting.extend(items)
        if self._waiting:
            self._open()

    async def close(self) -> int:
        """Cancel what runs and forget what waits; how many tasks did not end within a second."""
        self._waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if not tasks:
            return 0
        _, stubborn = await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
        return len(stubborn)

    def _open(self) -> None:
        task = self._loop.create_task(self._run(), context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        lane, waiting, work = _Lane(), self._waiting, self._work
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of create_task
        self._loop.call_soon(self._overtake, lane)
        clean = contextvars.copy_context()
        until = perf_counter() + SLICE_SECONDS
        while waiting:
            await work(waiting.popleft(), task)
            if (
                lane.overtaken
                or task.cancelling()
                or perf_counter() > until
                or contextvars.copy_context() != clean
            ):
                break
        lane.over = True
        if waiting and not lane.overtaken:
            self._open()

    def _overtake(self, lane: _Lane) -> None:
        """The loop came round while `lane` was in the middle of an item: that item suspended."""
        if lane.over:
            return
        lane.overtaken = True
        if self._waiting:
            self._open()
