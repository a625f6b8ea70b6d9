"""Nobody but a trusted proxy says who called."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.api.proxies import UNKNOWN, Proxied, client_address
from tenure.settings import load
from tests.api.calls import Api

pytestmark = pytest.mark.anyio

TRUSTED = ("10.0.0.0/8", "192.168.1.1", "fd00::/8")


async def _seen(
    peer: str | None, *headers: tuple[str, str], trusted: tuple[str, ...] = TRUSTED
) -> tuple[str, str]:
    """The address and scheme the application sees."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    scope: Any = {
        "type": "http", "scheme": "http", "client": None if peer is None else (peer, 1),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }  # fmt: skip
    wrapped: Any = Proxied(app, trusted)
    await wrapped(scope, None, None)
    return client_address(seen[0]), seen[0]["scheme"]


FOR = "x-forwarded-for"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "8.8.8.8", "8.8.8.8"), ("192.168.1.1", "8.8.8.8", "8.8.8.8"),
        ("fd00::1", "2001:DB8:0::7", "2001:db8::7"), ("::ffff:10.0.0.1", "8.8.8.8", "8.8.8.8"),
        ("10.0.0.1", "8.8.8.8:443", "8.8.8.8"), ("10.0.0.1", "[2001:db8::7]:1", "2001:db8::7"),
        ("192.168.1.2", "8.8.8.8", "192.168.1.2"), ("127.0.0.1", "8.8.8.8", "127.0.0.1"),
        ("10.0.0.1", "1.1.1.1, 8.8.8.8", "8.8.8.8"),
        ("10.0.0.1", "1.1.1.1, 8.8.8.8, 10.2.2.2", "8.8.8.8"),
        ("10.0.0.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.0.0.1", "", "10.0.0.1"), ("10.0.0.1", "evil", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, evil, 10.2.2.2", "10.2.2.2"),
        ("10.0.0.1", "8.8.8.8, <script>", "10.0.0.1"), ("not an address", "8.8.8.8", UNKNOWN),
    ],
)  # fmt: skip
async def test_who_called(peer: str, forwarded: str, address: str) -> None:
    assert (await _seen(peer, (FOR, forwarded)))[0] == address


async def test_several_headers_are_one_list() -> None:
    assert (await _seen("10.0.0.1", (FOR, "1.1.1.1"), (FOR, "8.8.8.8")))[0] == "8.8.8.8"


async def test_a_caller_without_an_address_is_unknown() -> None:
    assert (await _seen(None, (FOR, "8.8.8.8")))[0] == UNKNOWN


async def test_the_other_header_is_never_believed() -> None:
    assert (await _seen("10.0.0.1", ("forwarded", "for=8.8.8.8;proto=https"))) == (
        "10.0.0.1",
        "http",
    )


@pytest.mark.parametrize(
    ("peer", "said", "scheme"),
    [
        ("10.0.0.1", "https", "https"), ("10.0.0.1", "HTTPS", "https"),
        ("8.8.8.8", "https", "http"),
        ("10.0.0.1", "https, http", "http"), ("10.0.0.1", "javascript", "http"),
    ],
)  # fmt: skip
async def test_how_they_called(peer: str, said: str, scheme: str) -> None:
    assert (await _seen(peer, ("x-forwarded-proto", said)))[1] == scheme


async def test_only_a_trusted_proxy_makes_an_answer_ask_for_tls(fresh: Api) -> None:
    answer = await fresh.client.get("/health", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" not in answer.headers


def test_a_trusted_proxy_is_an_address(tmp_path: Any) -> None:
    found = load(environ={"TENURE_TRUSTED_PROXIES": "10.0.0.1, fd00::/8"}, directory=tmp_path)
    assert found.settings.trusted_proxies == ("10.0.0.1", "fd00::/8")
    for wrong in ("proxy.example.org", "*", "10.0.0.1/8", "10.0.0.300"):
        with pytest.raises(Exception, match=r"TENURE_TRUSTED_PROXIES.*must be an address"):
            load(environ={"TENURE_TRUSTED_PROXIES": wrong}, directory=tmp_path)
