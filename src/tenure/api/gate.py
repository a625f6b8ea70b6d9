"""The gate around every answer: what a browser could be made to send is refused before routing.

Foreign Hosts (DNS rebinding), foreign Origins (CSRF) and bodies a plain form could send are turned
away on every path, also on those that lead nowhere; every answer carries the security headers.
"""

from __future__ import annotations

import re
from functools import partial
from ipaddress import ip_address
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tenure.api import problems
from tenure.domain.errors import Forbidden, NotAcceptableType, TenureError
from tenure.settings import Settings

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BODIES = frozenset({b"application/json", b"application/x-ndjson"})
_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s\[\]:@/?#%\\]+)(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}

_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        b"object-src 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_ADDED = "headers"
_REMEMBERED = 256
_NO_STORE = (b"cache-control", b"no-store")
_ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")

Authority = tuple[str, int | None]
"""A host name in its one spelling, and the port if one was given."""


class Gate:
    """Stands around the application; answers by itself what may not come in."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        given = (*LOOPBACK_NAMES, settings.host, *settings.allowed_hosts)
        self._names = frozenset(one_spelling(name) for name in given)
        self._served: dict[tuple[bytes, Any], Authority] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        guarded = partial(_send, send, scope)
        error = self._refusal(scope)
        if error is None:
            await self._app(scope, receive, guarded)
        else:
            request: Request[Any, Any, Any] = Request(scope, receive, guarded)
            answer = problems.response(error).to_asgi_response(None, request)
            await answer(scope, receive, guarded)

    def _refusal(self, scope: Any) -> TenureError | None:
        hosts: list[bytes] = []
        origins: list[bytes] = []
        kinds: list[bytes] = []
        body = False
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value)
            elif name == b"origin":
                origins.append(value)
            elif name == b"content-type":
                kinds.append(value)
            elif name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
                body = True
        host = self._host(hosts[0], scope.get("server")) if len(hosts) == 1 else None
        if host is None:
            return Forbidden(
                "this Host is not served here; add it to TENURE_ALLOWED_HOSTS to allow it"
            )
        if scope["method"] in SAFE:
            return None
        if not all(_same(origin.decode("latin-1"), host, scope["scheme"]) for origin in origins):
            return Forbidden("requests from this Origin are refused")
        if not all(_is_json(kind) for kind in kinds) or (body and not kinds):
            return NotAcceptableType("send Content-Type: application/json")
        return None

    def _host(self, text: bytes, server: Any) -> Authority | None:
        """A Host that is served here: known by name, or the very address the caller connected to,
        which is no rebound name. What was found to be one is remembered: most are alike."""
        key = (text, server and tuple(server))
        found = self._served.get(key)
        if found is not None:
            return found
        found = authority(text.decode("latin-1"))
        if found is None or not (
            found[0] in self._names
            or (server and _is_address(found[0]) and found[0] == one_spelling(str(server[0])))
        ):
            return None
        if len(self._served) < _REMEMBERED:
            self._served[key] = found
        return found


def authority(text: str) -> Authority | None:
    """`host` or `host:port` taken apart; None when it is neither."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return None
    port = None if match[2] is None else int(match[2])
    return (one_spelling(match[1]), port) if port is None or port < 65_536 else None


def one_spelling(name: str) -> str:
    """A host name or address as it is compared: lower case, no closing dot, addresses in their
    short form, without brackets."""
    bare = name.strip("[]") if name.startswith("[") else name.removesuffix(".")
    try:
        return str(ip_address(bare))
    except ValueError:
        return bare.lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _same(origin: str, host: Authority, scheme: str) -> bool:
    """Whether a page of `origin` came from where its request goes.

    The scheme counts only when this side is known to be https: a proxy may have ended TLS.
    """
    theirs, _, rest = origin.partition("://")
    found = authority(rest) if theirs in _DEFAULT_PORTS else None
    if found is None or found[0] != host[0] or (scheme == "https" and theirs != "https"):
        return False
    usual = _DEFAULT_PORTS[theirs]
    return (found[1] or usual) == (host[1] or usual)


def _is_json(kind: bytes) -> bool:
    return kind in _BODIES or kind.partition(b";")[0].strip().lower() in _BODIES


def add_headers(scope: Any, headers: list[tuple[bytes, bytes]]) -> None:
    """Put headers on the answer of a request, whatever answers it."""
    scope["state"][_ADDED] = headers


async def _send(send: Send, scope: Any, message: Message) -> None:
    if message["type"] == "http.response.start":
        headers = [*message["headers"], *scope.get("state", {}).get(_ADDED, ()), *_HEADERS]
        if not any(name.lower() == b"cache-control" for name, _ in message["headers"]):
            headers.append(_NO_STORE)
        if scope["scheme"] == "https":
            headers.append(_ONLY_TLS)
        message["headers"] = headers
    await send(message)
