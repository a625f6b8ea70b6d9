"""Log lines of one run, kept until the coordinator has them."""

from __future__ import annotations

import threading
from collections import deque

from tenure.domain import clock
from tenure.wire.leases import LogLineIn
from tenure.wire.text import clean

MAX_LINES = 10_000
MAX_BYTES = 1024 * 1024
MAX_LINE = 16 * 1024
_BATCH_LINES = 1_000
_BATCH_BYTES = 256 * 1024


class LogBuffer:
    """Unsent lines with their index in the run. Bounded: the oldest are dropped and counted.

    For any thread: the handler's appends, the worker's loop takes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[tuple[LogLineIn, int]] = deque()
        self._first = 0
        self._bytes = 0
        self._dropped = 0
        self._marked = 0

    def append(self, level: str, text: str, at: int | None = None) -> None:
        """Add one line, made now unless `at` (microseconds since 1970) says when."""
        text = clean(text)
        if len(text) > MAX_LINE:
            text = text[:MAX_LINE] + f" [{len(text) - MAX_LINE} characters cut]"
        line = LogLineIn(at=clock.rfc3339(at or clock.wall_now()), level=level, text=text)
        size = len(text) + 40
        with self._lock:
            self._lines.append((line, size))
            self._bytes += size
            while len(self._lines) > MAX_LINES or self._bytes > MAX_BYTES:
                self._drop_first()
                self._dropped += 1

    def batch(self) -> tuple[int, list[LogLineIn]]:
        """The oldest unsent lines and the index of the first; they stay until `sent`."""
        with self._lock:
            first, lines, size = self._first, list[LogLineIn](), 0
            self._marked = self._dropped
            if self._dropped and self._lines:
                first -= 1  # the place of the last dropped line tells of them all
                text = f"[{self._dropped} lines dropped: the log outran its bound]"
                lines.append(LogLineIn(at=self._lines[0][0].at, level="warning", text=text))
            for line, line_size in self._lines:
                if len(lines) >= _BATCH_LINES or (lines and size + line_size > _BATCH_BYTES):
                    break
                lines.append(line)
                size += line_size
            return first, lines

    def sent(self, up_to: int) -> None:
        """Forget every line whose index is below `up_to`."""
        with self._lock:
            self._dropped -= self._marked
            self._marked = 0
            while self._lines and self._first < up_to:
                self._drop_first()

    def clear(self) -> None:
        """Forget everything: the lease is gone."""
        with self._lock:
            self._lines.clear()
            self._bytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    def _drop_first(self) -> None:
        _, size = self._lines.popleft()
        self._bytes -= size
        self._first += 1
