"""A TCP proxy in front of a coordinator that loses answers, and may be pointed elsewhere."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import Any

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Fate(Enum):
    """What becomes of a request's answer."""

    PASS = "pass"
    BEFORE = "before"
    """The connection goes as soon as the request was passed on, before the answer's first byte."""
    WHOLE = "whole"
    """The answer was sent, and no byte of it arrives."""
    HALF = "half"
    """The first half of the answer arrives."""


Judge = Callable[[bytes, bytes], Fate]
"""From the head of a request and, once it is there, its answer (empty before)."""


def _pass(request: bytes, answer: bytes) -> Fate:
    return Fate.PASS


class Proxy:
    """One message after the other in each connection. Use from one event loop."""

    def __init__(self, port: int) -> None:
        self.target = port
        """The port of 127.0.0.1 that new connections go to."""
        self.judge: Judge = _pass
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def switch(self, port: int) -> None:
        """From now on to another coordinator."""
        self.target = port
        self.cut()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._connect(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ours, theirs = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers.add(theirs)
        try:
            while await self._exchange(reader, writer, ours, theirs):
                pass
        finally:
            self._writers.discard(theirs)
            theirs.transport.abort()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ours: asyncio.StreamReader,
        theirs: asyncio.StreamWriter,
    ) -> bool:
        """One request and its answer; whether the connection is still good."""
        request = await _message(reader)
        theirs.write(request)
        await theirs.drain()
        if self.judge(request, b"") is Fate.BEFORE:
            return False
        answer = await _unless_left(reader, _message(ours))
        if answer is None:
            return False
        fate = self.judge(request, answer)
        if fate is Fate.PASS:
            writer.write(answer)
            await writer.drain()
            return True
        if fate is Fate.HALF:
            writer.write(answer[: len(answer) // 2])
            await writer.drain()
            writer.close()  # what was written still goes out
            await writer.wait_closed()
        return False


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One HTTP message with its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    found = _LENGTH.search(head)
    return head + (await reader.readexactly(int(found[1])) if found else b"")


async def _unless_left(
    reader: asyncio.StreamReader, answer: Coroutine[Any, Any, bytes]
) -> bytes | None:
    """The answer; None when the one who asked leaves before it, as a cancelled long poll does."""
    answering = asyncio.ensure_future(answer)
    leaving = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return await answering if answering.done() else None
    finally:
        answering.cancel()
        leaving.cancel()
        await asyncio.gather(answering, leaving, return_exceptions=True)


@asynccontextmanager
async def proxied(port: int) -> AsyncIterator[Proxy]:
    """A proxy to a port of 127.0.0.1."""
    proxy = Proxy(port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
