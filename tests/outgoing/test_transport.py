"""The way out: to the address that was checked, and to no other."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tenure.outgoing.addresses import AddressRefused, AllowList
from tenure.outgoing.transport import GuardedTransport

pytestmark = pytest.mark.anyio

LOCAL = AllowList.parse(["127.0.0.1"], "TENURE_HTTP_ALLOW")


class Site:
    """Answers everything and keeps the heads of what it was asked."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: http://evil.org/\r\nContent-Length: 0\r\n\r\n"
        )
        await writer.drain()
        writer.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with await asyncio.start_server(site.answer, "127.0.0.1", 0) as server:
        site.port = server.sockets[0].getsockname()[1]
        yield site


class Names:
    """Stands for a name server: answers each question with the next list of addresses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, ...]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", self.getaddrinfo, raising=False)

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


async def _get(url: str, allowed: AllowList = LOCAL) -> httpx.Response:
    async with GuardedTransport(allowed) as transport:
        request = httpx.Request("GET", url, headers={"X-Key": "1"})
        return await transport.handle_async_request(request)


async def test_the_name_stays_and_the_checked_address_is_called(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(monkeypatch, ("127.0.0.1",), ("169.254.169.254",))
    answer = await _get(f"http://hooks.example.org:{site.port}/x")
    assert answer.status_code == 302
    assert names.asked[0] == "hooks.example.org"
    (head,) = site.heads
    assert head.lower().count(b"\r\nhost: ") == 1
    assert f"\r\nhost: hooks.example.org:{site.port}\r\n".encode() in head.lower()
    assert b"\r\nx-key: 1\r\n" in head.lower()


async def test_one_address_that_is_not_public_refuses_the_name(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch, ("127.0.0.1", "169.254.169.254"))
    with pytest.raises(AddressRefused, match=r"TENURE_HTTP_ALLOW lists exceptions"):
        await _get(f"http://hooks.example.org:{site.port}/")
    assert site.heads == []


async def test_a_name_that_moves_is_checked_every_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch, ("127.0.0.1",), ("127.0.0.1",), ("10.0.0.1",))
    url = f"http://hooks.example.org:{site.port}/"
    async with GuardedTransport(LOCAL) as transport:
        await transport.handle_async_request(httpx.Request("GET", url))
        with pytest.raises(AddressRefused):
            for _ in range(2):
                await transport.handle_async_request(httpx.Request("GET", url))


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/", "http://0/",
        "http://[::ffff:127.0.0.1]/", "http://[::]/", "http://0.0.0.0/", "http://localhost./",
        "http://[64:ff9b::7f00:1]/", "http://169.254.169.254/latest/meta-data/",
        "http://127。0。0。1/",
    ],
)  # fmt: skip
async def test_no_spelling_leads_inside(url: str) -> None:
    with pytest.raises((AddressRefused, OSError, httpx.InvalidURL)):
        await _get(url, AllowList.parse(()))


async def test_proxies_of_the_environment_are_not_asked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert (await _get(f"http://127.0.0.1:{site.port}/")).status_code == 302
