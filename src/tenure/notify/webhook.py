"""Webhooks as Standard Webhooks describes them: signed, with an id that stays the same."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

import httpx

from tenure.domain.clock import SECOND
from tenure.domain.notification import Answer
from tenure.notify.channel import SEND_SECONDS, Letter, failed
from tenure.outgoing.addresses import AddressRefused, AllowList
from tenure.outgoing.transport import GuardedTransport

PREFIX = "whsec_"
MAX_RESPONSE = 2_000
"""Bytes of an answer that are kept."""
_GONE = 410


def signature(id_: str, timestamp: int, body: str, keys: Sequence[str]) -> str:
    """The value of `webhook-signature`: one `v1,` part for each secret."""
    content = f"{id_}.{timestamp}.{body}".encode()
    return " ".join(f"v1,{_signed(key, content)}" for key in keys)


def _signed(key: str, content: bytes) -> str:
    secret = base64.b64decode(key.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()


class Webhook:
    """Posts messages. Follows no redirect, and goes to public addresses or those in `allowed`."""

    def __init__(self, allowed: AllowList) -> None:
        self._allowed = allowed

    async def send(self, letter: Letter, now: int) -> Answer:
        """Try once. Anything but 2xx is a failure; 410 says that nobody listens any more."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await self._post(letter, now // SECOND)
        except TimeoutError:
            return Answer(ok=False, error=f"no answer within {SEND_SECONDS:.0f} s")
        except (httpx.HTTPError, httpx.InvalidURL, AddressRefused) as error:
            return failed(error)
        except (OSError, ValueError, binascii.Error) as error:
            return failed(error)

    async def _post(self, letter: Letter, timestamp: int) -> Answer:
        headers = {
            "content-type": "application/json",
            "user-agent": "Tenure",
            "webhook-id": letter.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(letter.id, timestamp, letter.body, letter.secrets),
        }
        async with (
            httpx.AsyncClient(
                transport=GuardedTransport(self._allowed), timeout=SEND_SECONDS, trust_env=False
            ) as client,
            client.stream(
                "POST", letter.target, content=letter.body.encode(), headers=headers
            ) as response,
        ):
            said = await _beginning(response)
            return Answer(
                ok=response.is_success,
                status=response.status_code,
                response=said,
                error=None if response.is_success else f"HTTP {response.status_code}",
                gone=response.status_code == _GONE,
                retry_after=_seconds(response.headers.get("retry-after")),
            )


async def _beginning(response: httpx.Response) -> str:
    found = b""
    async for piece in response.aiter_raw():
        found += piece[: MAX_RESPONSE - len(found)]
        if len(found) >= MAX_RESPONSE:
            break
    return found.decode("utf-8", "replace").replace("\0", "\ufffd")


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
