"""Signals of a worker process: the first asks it to drain, the second to leave at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tenure.worker.runtime import WorkerRuntime

HANDLED = (signal.SIGTERM, signal.SIGINT)
LEAVE_SECONDS = 4.0
"""After a second signal the process ends within this time, also while a handler blocks the loop."""


class Stopping:
    """Counts signals. `number` is that of the signal that made the worker leave at once."""

    def __init__(self, runtime: WorkerRuntime) -> None:
        self._loop = asyncio.get_running_loop()
        self._runtime = runtime
        self._count = 0
        self.number: int | None = None

    def receive(self, number: int, frame: FrameType | None = None) -> None:
        """Drain, then stop, then end the process without ado."""
        self._count += 1
        if self._count == 1:
            self._loop.call_soon_threadsafe(self._runtime.drain)
        elif self._count == 2:
            self.number = number
            self._loop.call_soon_threadsafe(self._runtime.stop)
            end = threading.Timer(LEAVE_SECONDS, os._exit, (128 + number,))
            end.daemon = True
            end.start()
        else:
            os._exit(128 + number)


@contextmanager
def handled(runtime: WorkerRuntime) -> Iterator[Stopping]:
    """Handle SIGTERM and SIGINT for the running loop, which must be the main thread's.

    By Python's own handlers, not the loop's: those wait until the loop comes round.
    """
    stopping = Stopping(runtime)
    former = {number: signal.signal(number, stopping.receive) for number in HANDLED}
    try:
        yield stopping
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


async def run_until_signalled(runtime: WorkerRuntime) -> int:
    """Run a worker; the exit code of its process: 0 after a drain, 128 + signal after a stop.

    Raises what `WorkerRuntime.run` raises.
    """
    with handled(runtime) as stopping:
        await runtime.run()
    return 0 if stopping.number is None else 128 + stopping.number
