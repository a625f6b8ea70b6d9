"""A receiver of webhooks on loopback: keeps what it was sent, answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field


@dataclass
class Received:
    """One request. Names of headers in lower case."""

    headers: dict[str, str]
    body: str


@dataclass
class Receiver:
    """`status` is what it answers; `changed` is set at every request and end of one. It answers
    while `open` is set."""

    status: int = 200
    text: str = "thanks"
    host: str = "127.0.0.1"
    port: int = 0
    got: list[Received] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Server | None = None
    talks: int = 0

    async def start(self, port: int = 0) -> None:
        self.open.set()
        self.server = await asyncio.start_server(self._answer, self.host, port)
        self.port = self.server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/hook?key=hidden"

    async def stop(self) -> None:
        assert self.server is not None
        self.open.set()
        self.server.close()
        await self.server.wait_closed()
        async with asyncio.timeout(30):
            while self.talks:
                self.changed.clear()
                await self.changed.wait()

    async def holds(self, count: int, seconds: float = 30) -> list[Received]:
        """What it got, once that is `count` requests."""
        async with asyncio.timeout(seconds):
            while len(self.got) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.got

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A caller may leave at any moment; the connection is closed whatever happens."""
        self.talks += 1
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self.talks -= 1
            self.changed.set()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        body = (await reader.readexactly(int(headers["content-length"]))).decode()
        self.got.append(Received(headers, body))
        self.changed.set()
        await self.open.wait()
        said = self.text.encode()
        writer.write(
            b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            % (self.status, len(said), said)
        )
        await writer.drain()
