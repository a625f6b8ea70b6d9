"""E-mail, against a real SMTP server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from email import message_from_bytes

import pytest

from tenure.notify.channel import Letter
from tenure.notify.email import Email
from tests.builders import NOW
from tests.notify.mailbox import Mailbox, open_mailbox
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


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with open_mailbox() as box:
        yield box


async def test_a_message_arrives_with_its_id(mailbox: Mailbox) -> None:
    answer = await Email(mailbox.url, "tenure@example.org").send(LETTER, NOW)
    assert (answer.ok, answer.error) == (True, None)
    [envelope] = mailbox.taken
    assert envelope.mail_from == "tenure@example.org"
    assert envelope.rcpt_tos == ["ann@example.org", "bob@example.org"]
    message = message_from_bytes(envelope.content)
    assert message["Message-ID"] == "<an-id@tenure>"
    assert message["To"] == "ann@example.org, bob@example.org"
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert "job type: s\u00e9nd" in payload.decode()


async def test_who_was_taken_is_not_written_to_again(mailbox: Mailbox) -> None:
    mailbox.refused = {"bob@example.org"}
    answer = await Email(mailbox.url, "tenure@example.org").send(LETTER, NOW)
    assert answer.ok
    assert answer.error == "refused: bob@example.org"
    assert [envelope.rcpt_tos for envelope in mailbox.taken] == [["ann@example.org"]]


async def test_when_nobody_is_taken_it_is_a_failure(mailbox: Mailbox) -> None:
    mailbox.refused = {"ann@example.org", "bob@example.org"}
    answer = await Email(mailbox.url, "tenure@example.org").send(LETTER, NOW)
    assert not answer.ok
    assert "bob@example.org" in str(answer.error)
    assert mailbox.taken == []


async def test_a_password_wants_tls(mailbox: Mailbox) -> None:
    guarded = mailbox.url.replace("smtp://", "smtp+starttls://user:pass%20word@")
    answer = await Email(guarded, "tenure@example.org").send(LETTER, NOW)
    assert not answer.ok
    assert "STARTTLS" in str(answer.error)
    assert "word" not in str(answer.error)
    assert mailbox.taken == []


async def test_without_a_server_it_says_so() -> None:
    answer = await Email(None, "tenure@example.org").send(LETTER, NOW)
    assert answer.error == "TENURE_SMTP_URL is not set"
    away = Email(f"smtp://127.0.0.1:{free_port()}", "tenure@example.org")
    assert not (await away.send(LETTER, NOW)).ok
