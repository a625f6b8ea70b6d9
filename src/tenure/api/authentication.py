"""Who asks, and whether they may: from the Authorization header to the Principal in the scope, as
`user`."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from tenure.api import problems
from tenure.api.security import admit, permission_of
from tenure.coordinator.authentication import Authentication
from tenure.domain.access import LOCAL_ADMIN, Permission, Principal
from tenure.domain.errors import TenureError, Unauthenticated

_BEARER = "bearer "


class Authenticator:
    """Puts who asks into the scope, and lets on a route only who has its permission.

    Without `authentication` everybody is the local Admin. What an open route is asked with is not
    looked at: a stale token does not stop a login.
    """

    def __init__(self, app: ASGIApp, authentication: Authentication | None) -> None:
        self._app = app
        self._authentication = authentication

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            try:
                scope["user"] = who = await self._who(scope)
                admit(who, scope["route_handler"])
            except TenureError as error:
                request: Request[Any, Any, Any] = Request(scope, receive, send)
                answer = problems.response(error).to_asgi_response(None, request)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _who(self, scope: Scope) -> Principal | None:
        if self._authentication is None:
            return LOCAL_ADMIN
        if permission_of(scope["route_handler"]) is Permission.OPEN:
            return None
        token = bearer(scope)
        if token is None:
            return None
        return self._authentication.known(token) or await self._authentication.find(token)


def bearer(scope: Scope) -> str | None:
    """The token of the Authorization header, None without one. Raises Unauthenticated for
    anything else that stands there."""
    found = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found is not None:
                raise Unauthenticated("send one Authorization header")
            found = value.decode("latin-1")
    if found is None:
        return None
    if found[: len(_BEARER)].lower() != _BEARER:
        raise Unauthenticated("send Authorization: Bearer TOKEN")
    return found[len(_BEARER) :]
