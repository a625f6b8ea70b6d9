"""Who called, where a proxy stands before the coordinator.

`X-Forwarded-For` and `X-Forwarded-Proto` count only from the addresses that the setting
`trusted_proxies` names, read from the right: what a caller wrote itself stands left of what the
proxies added. The header `Forwarded` is ignored: proxies that do not know it pass it on unread.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

_SCHEMES = frozenset({"http", "https"})
UNKNOWN = "unknown"


class Proxied:
    """Puts the caller's own address and scheme into the scope."""

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self._app = app
        self._networks = tuple(ip_network(text) for text in trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and self._trusts(client_address(scope)):
            self._rewrite(scope)
        await self._app(scope, receive, send)

    def _rewrite(self, scope: Any) -> None:
        hops: list[str] = []
        schemes: list[str] = []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                hops += value.decode("latin-1").split(",")
            elif name == b"x-forwarded-proto":
                schemes += value.decode("latin-1").split(",")
        if schemes and (scheme := schemes[-1].strip().lower()) in _SCHEMES:
            scope["scheme"] = scheme
        for hop in reversed(hops):
            address = _address(hop.strip())
            if address is None:
                return  # nothing left of it can be believed
            scope["client"] = (address, 0)
            if not self._trusts(address):
                return

    def _trusts(self, address: str) -> bool:
        if address == UNKNOWN:
            return False
        found = ip_address(address)
        return any(found in network for network in self._networks)


def client_address(scope: Any) -> str:
    """The address of who calls, in its short form; `unknown` when it has none."""
    client = scope.get("client")
    return UNKNOWN if client is None else _address(str(client[0])) or UNKNOWN


@lru_cache(maxsize=1024)
def _address(text: str) -> str | None:
    """An address as it is compared: without port, brackets and zone, IPv4 as IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found)
