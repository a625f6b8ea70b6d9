"""Everything Apprise reaches: SMS, Slack, Teams, PagerDuty and more. Needs the extra `notify`."""

from __future__ import annotations

import asyncio
from typing import Any

from tenure.domain.notification import Answer
from tenure.notify.channel import SEND_SECONDS, Letter, failed, in_words
from tenure.outgoing.addresses import AddressRefused, AllowList, resolve

_HTTPS = 443


class Apprise:
    """Sends by the service that a URL names. A URL with a host of its own must lead to a public
    address, or to one in `allowed`; the library looks the name up once more."""

    def __init__(self, allowed: AllowList) -> None:
        self._allowed = allowed

    async def send(self, letter: Letter, now: int) -> Answer:
        """Try once; the library tells only whether it worked."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await self._notify(letter)
        except ImportError:
            return Answer(ok=False, error='Apprise is not installed: pip install "tenure[notify]"')
        except TimeoutError:
            return Answer(ok=False, error=f"no answer within {SEND_SECONDS:.0f} s")
        except (AddressRefused, OSError, ValueError) as error:
            return failed(error)

    async def _notify(self, letter: Letter) -> Answer:
        service = await asyncio.to_thread(_service, letter.target)
        if service is None:
            return Answer(ok=False, error="Apprise knows no such URL")
        if "host" in service.template_tokens:
            await resolve(service.host or "", service.port or _HTTPS, self._allowed)
        title, text = in_words(letter.body)
        done = await asyncio.to_thread(service.notify, title=title, body=text)
        return Answer(ok=bool(done), error=None if done else "the service did not take it")


def _service(url: str) -> Any:
    """The service behind a URL, None when there is none. In a thread: the import takes long."""
    import apprise

    return apprise.Apprise.instantiate(url)
