"""E-mail, against a real SMTP server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from tenure.notify.channel import Letter
from tenure.notify.email import Email
from tests.builders import NOW
from tests.postgres import free_port

pytestmark = pytest.mark.anyio

BODY = json.dumps(
    {
        "type": "job.failed",
        "timestamp": "2026-01-31T08:30:00Z",
        "data": {"rule": "r", "count": 3, "job": {"id": "an-id", "type": "s\u00e9nd"}},
    }
)
LETTER = Letter("an-id", BODY, "ann@example.org,bob@example.org")


class Mailbox:
    """What the server took; refuses whom it is told to."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refused: str | None = None

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address == self.refused:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append(envelope)
        return "250 taken"


class Session(SMTP):
    """One connection, in the loop of the test."""

    def __init__(self, box: Mailbox) -> None:
        super().__init__(box, hostname="localhost", loop=asyncio.get_running_loop())
        self.over = asyncio.Event()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.over.set()


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, str]]:
    box = Mailbox()
    sessions: list[Session] = []

    def session() -> Session:
        sessions.append(Session(box))
        return sessions[-1]

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield box, f"smtp://127.0.0.1:{port}"
    server.close()
    await server.wait_closed()
    async with asyncio.timeout(30):
        for one in sessions:
            await one.over.wait()


async def test_a_message_arrives_with_its_id(mailbox: tuple[Mailbox, str]) -> None:
    box, url = mailbox
    answer = await Email(url, "tenure@example.org").send(LETTER, NOW)
    assert (answer.ok, answer.error) == (True, None)
    [envelope] = box.taken
    assert envelope.mail_from == "tenure@example.org"
    assert envelope.rcpt_tos == ["ann@example.org", "bob@example.org"]
    message = message_from_bytes(envelope.content)
    assert message["Message-ID"] == "<an-id@tenure>"
    assert message["To"] == "ann@example.org, bob@example.org"
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert "job type: s\u00e9nd" in payload.decode()


async def test_what_the_server_refuses_is_a_failure(mailbox: tuple[Mailbox, str]) -> None:
    box, url = mailbox
    box.refused = "bob@example.org"
    answer = await Email(url, "tenure@example.org").send(LETTER, NOW)
    assert not answer.ok
    assert "bob@example.org" in str(answer.error)


async def test_a_password_wants_tls(mailbox: tuple[Mailbox, str]) -> None:
    box, url = mailbox
    guarded = url.replace("smtp://", "smtp+starttls://user:pass%20word@")
    answer = await Email(guarded, "tenure@example.org").send(LETTER, NOW)
    assert not answer.ok
    assert "STARTTLS" in str(answer.error)
    assert "word" not in str(answer.error)
    assert box.taken == []


async def test_without_a_server_it_says_so() -> None:
    answer = await Email(None, "tenure@example.org").send(LETTER, NOW)
    assert answer.error == "TENURE_SMTP_URL is not set"
    away = Email(f"smtp://127.0.0.1:{free_port()}", "tenure@example.org")
    assert not (await away.send(LETTER, NOW)).ok
