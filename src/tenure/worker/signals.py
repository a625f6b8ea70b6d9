"""Signals of a worker process: the first asks it to drain, the second to leave at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tenure.worker.runtime import WorkerRuntime

HANDLED = (signal.SIGTERM, signal.SIGINT)


class Stopping:
    """Counts signals. `number` is that of the signal that made the worker leave at once."""

    def __init__(self, runtime: WorkerRuntime) -> None:
        self._runtime = runtime
        self._count = 0
        self.number: int | None = None

    def receive(self, number: int) -> None:
        """Drain, then stop, then end the process without ado."""
        self._count += 1
        if self._count == 1:
            self._runtime.drain()
        elif self._count == 2:
            self.number = number
            self._runtime.stop()
        else:
            os._exit(128 + number)


@contextmanager
def handled(runtime: WorkerRuntime) -> Iterator[Stopping]:
    """Handle SIGTERM and SIGINT for the running loop, which must be the main thread's."""
    loop, stopping = asyncio.get_running_loop(), Stopping(runtime)
    for number in HANDLED:
        loop.add_signal_handler(number, stopping.receive, number)
    try:
        yield stopping
    finally:
        for number in HANDLED:
            loop.remove_signal_handler(number)


async def run_until_signalled(runtime: WorkerRuntime) -> int:
    """Run a worker; the exit code of its process: 0 after a drain, 128 + signal after a stop.

    Raises what `WorkerRuntime.run` raises.
    """
    with handled(runtime) as stopping:
        await runtime.run()
    return 0 if stopping.number is None else 128 + stopping.number
