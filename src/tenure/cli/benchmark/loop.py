"""The event loop of the benchmark's own processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result], *, fast: bool = False) -> Result:
    """Run `main` to its end. SIGINT, SIGTERM and SIGHUP cancel it, so that its cleanup runs; then
    KeyboardInterrupt is raised.

    `fast` takes uvloop where it is installed; it cannot start the processes that we start.
    """
    with asyncio.Runner(loop_factory=_uvloop() if fast else None) as runner:
        return runner.run(_until_signal(main))


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _until_signal(main: Coroutine[Any, Any, Result]) -> Result:
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
