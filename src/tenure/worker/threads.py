"""Threads for plain handlers: daemons, so that a stuck one cannot keep the process alive."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from queue import SimpleQueue


class Threads:
    """Runs calls in at most `limit` threads, started when needed and kept until `close`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._load = 0
        self._count = 0

    def start(self, call: Callable[[], None]) -> None:
        """Run `call` in some thread, with no context variables set. Never blocks.

        While `limit` calls run, further ones wait. `call` must not raise.
        """
        with self._lock:
            self._load += 1
            if self._load > self._count and self._count < self._limit:
                self._count += 1
                name = f"tenure-handler-{self._count}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
        self._calls.put(call)

    def close(self) -> None:
        """Let idle threads end. Running calls are left to finish."""
        for _ in range(self._count):
            self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            contextvars.Context().run(call)
            with self._lock:
                self._load -= 1
