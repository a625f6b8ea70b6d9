"""What a script writes: its output as log lines, its progress as JSON lines."""

from __future__ import annotations

import asyncio
import os
from typing import Protocol

import msgspec

from tenure.worker.context import Context

MAX_OUTPUT_BYTES = 1024 * 1024
TAIL_BYTES = 16 * 1024
MAX_LINE_BYTES = 8 * 1024
_CHUNK = 64 * 1024


class Sink(Protocol):
    """Takes what came through a pipe."""

    def feed(self, chunk: bytes) -> None: ...


class _Lines:
    """Cuts a stream into lines of at most `MAX_LINE_BYTES`."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        *lines, rest = (self._rest + chunk).split(b"\n")
        while len(rest) > MAX_LINE_BYTES:
            lines.append(rest[:MAX_LINE_BYTES])
            rest = rest[MAX_LINE_BYTES:]
        self._rest = rest
        return [
            line[start : start + MAX_LINE_BYTES]
            for line in lines
            for start in range(0, max(len(line), 1), MAX_LINE_BYTES)
        ]

    def end(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


class OutputLog:
    """Logs the first `MAX_OUTPUT_BYTES` line by line and keeps the tail of all."""

    def __init__(self, ctx: Context) -> None:
        self._log = ctx.log
        self._lines = _Lines()
        self._left = MAX_OUTPUT_BYTES
        self._tail = b""
        self._skipped = 0

    def feed(self, chunk: bytes) -> None:
        self._tail = (self._tail + chunk)[-TAIL_BYTES:]
        if self._left <= 0:
            self._skipped += len(chunk)
            return
        self._left -= len(chunk)
        self._write(self._lines.feed(chunk))

    def close(self) -> None:
        """Log the last line, and say what was left out."""
        self._write(self._lines.end())
        if self._skipped:
            self._log.warning(f"{self._skipped} more bytes of output were not kept")

    def tail(self, size: int = TAIL_BYTES) -> str:
        """The last `size` bytes as text."""
        return self._tail[-size:].decode("utf-8", "replace")

    def _write(self, lines: list[bytes]) -> None:
        for line in lines:
            self._log.info(line.decode("utf-8", "replace").rstrip("\r"))


class _Progress(msgspec.Struct, kw_only=True):
    fraction: float | None = None
    message: str | None = None


class ProgressLines:
    """Takes `{"fraction": 0.5, "message": "half"}` lines; says once when one is not like that."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._lines = _Lines()
        self._complained = False

    def feed(self, chunk: bytes) -> None:
        for line in self._lines.feed(chunk):
            if not line.strip():
                continue
            try:
                told = msgspec.json.decode(line, type=_Progress)
                self._ctx.progress(told.fraction, told.message)
            except (msgspec.DecodeError, ValueError):
                if not self._complained:
                    self._ctx.log.warning("a progress line is not {fraction, message} in JSON")
                self._complained = True


async def read_pipe(descriptor: int, sink: Sink) -> None:
    """Feed `sink` until the pipe ends. Takes over `descriptor`."""
    reader = asyncio.StreamReader(limit=_CHUNK)
    protocol = asyncio.StreamReaderProtocol(reader)
    pipe = os.fdopen(descriptor, "rb", 0)
    try:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    except BaseException:
        pipe.close()
        raise
    try:
        while chunk := await reader.read(_CHUNK):
            sink.feed(chunk)
    finally:
        transport.close()
