"""E-mail by SMTP."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib

from tenure.domain.notification import Answer
from tenure.notify.channel import SEND_SECONDS, Letter, failed, in_words
from tenure.settings import is_loopback

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class Email:
    """Sends over one server. `url`: smtp://, smtp+starttls:// or smtps:// (TLS from the start),
    with user and password inside; `smtp` turns to TLS when the server offers it, and must when a
    password goes to another machine. Without a `url` every attempt fails and says so."""

    def __init__(self, url: str | None, sender: str) -> None:
        self._url = url
        self._sender = sender

    async def send(self, letter: Letter, now: int) -> Answer:
        """Try once; the server's word counts. Whom it refused for good is told in `error`: to try
        again would only write once more to the others."""
        if self._url is None:
            return Answer(ok=False, error="TENURE_SMTP_URL is not set")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                refused, said = await self._deliver(self._url, letter)
        except TimeoutError:
            return Answer(ok=False, error=f"no answer within {SEND_SECONDS:.0f} s")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return failed(error)
        refusal = f"refused: {', '.join(sorted(refused))}"[:500] if refused else None
        return Answer(ok=True, response=said[:500], error=refusal)

    async def _deliver(self, url: str, letter: Letter) -> tuple[dict[str, object], str]:
        parts = urlsplit(url)
        host = parts.hostname or "localhost"
        must = parts.scheme == "smtp+starttls" or (
            parts.scheme == "smtp" and parts.username is not None and not is_loopback(host)
        )
        answers, said = await aiosmtplib.send(
            self._message(letter),
            recipients=letter.target.split(","),
            hostname=host,
            port=parts.port or _PORTS[parts.scheme],
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            use_tls=parts.scheme == "smtps",
            start_tls=None if parts.scheme == "smtp" and not must else must,
            timeout=SEND_SECONDS,
        )
        return dict(answers), said

    def _message(self, letter: Letter) -> EmailMessage:
        title, text = in_words(letter.body)
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = letter.target.replace(",", ", ")
        message["Subject"] = title
        message["Message-ID"] = f"<{letter.id}@tenure>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message
