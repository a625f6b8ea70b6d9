"""How the benchmark's own programs are spoken to: lines of JSON on stdin and stdout."""

from __future__ import annotations

import asyncio
import sys

import msgspec


class Lines:
    """The lines of a stream."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    @classmethod
    async def of_stdin(cls) -> Lines:
        """Takes over stdin, which must be a pipe."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        return cls(reader)

    async def next(self) -> bytes:
        """The next line, empty at the end."""
        return await self._reader.readline()


def say(value: object) -> None:
    """Write one value as a line to stdout, at once."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
