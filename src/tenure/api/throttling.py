"""The throttle as HTTP: `RateLimit` and `RateLimit-Policy` (IETF draft) on its answers."""

from __future__ import annotations

from typing import Any

from litestar import Request

from tenure.api.gate import add_headers
from tenure.api.proxies import client_address
from tenure.coordinator.throttling import Door, Standing, Throttle
from tenure.domain.errors import TooMany


def admit(request: Request[Any, Any, Any], door: Door, account: str | None = None) -> str:
    """Let a request in, its answer saying how much is left; the caller's address.

    Raises TooMany. After a good attempt on an account call `Throttle.succeeded`.
    """
    throttle: Throttle = request.app.state.coordinator.throttle
    address = client_address(request.scope)
    try:
        standing = throttle.admit(door, address, account)
    except TooMany:
        add_headers(request.scope, _headers(throttle.standing(door, address)))
        raise
    add_headers(request.scope, _headers(standing))
    return address


def _headers(standing: Standing) -> list[tuple[bytes, bytes]]:
    name = f'"{standing.door}"'
    policy = f"{name};q={standing.quota};w={standing.window_seconds}"
    left = f"{name};r={standing.remaining};t={standing.reset_seconds}"
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]
