"""The event loop of the benchmark's own processes: uvloop where it is installed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` to its end. SIGINT and SIGTERM cancel it, so that its cleanup runs; then
    KeyboardInterrupt is raised."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(_cancelled_by_sigterm(main))


def _factory() -> Any:
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop
    return None


async def _cancelled_by_sigterm(main: Coroutine[Any, Any, Result]) -> Result:
    task = asyncio.ensure_future(main)
    asked = asyncio.Event()

    def stop() -> None:
        asked.set()
        task.cancel()

    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if asked.is_set():
            raise KeyboardInterrupt from None
        raise
