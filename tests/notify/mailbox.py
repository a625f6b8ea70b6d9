"""A real SMTP server on loopback, in the loop of the test: keeps what it took."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import SMTP


class Mailbox:
    """What the server took; refuses those it is told to. `changed` is set at every message."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refused: set[str] = set()
        self.changed = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def holds(self, count: int, seconds: float = 30) -> list[Any]:
        """What it took, once that is `count` messages."""
        async with asyncio.timeout(seconds):
            while len(self.taken) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.taken

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refused:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append(envelope)
        self.changed.set()
        return "250 taken"


class Session(SMTP):
    """One connection."""

    def __init__(self, box: Mailbox) -> None:
        super().__init__(box, hostname="localhost", loop=asyncio.get_running_loop())
        self.over = asyncio.Event()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.over.set()


@asynccontextmanager
async def open_mailbox() -> AsyncIterator[Mailbox]:
    """A mailbox that takes mail inside this block; every connection has ended after it."""
    box = Mailbox()
    sessions: list[Session] = []

    def session() -> Session:
        sessions.append(Session(box))
        return sessions[-1]

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    await server.wait_closed()
    async with asyncio.timeout(30):
        for one in sessions:
            await one.over.wait()
