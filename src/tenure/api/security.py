"""Who asks, and whether they may: default-deny.

Every route declares its permission with `opt=allow(...)`; one without it is refused at start and
at every call. Without authentication the caller is the local Admin, and the coordinator binds to
loopback only.
"""

from __future__ import annotations

from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from tenure.domain.access import Permission, Principal
from tenure.domain.errors import ConfigurationError, Forbidden, Unauthenticated
from tenure.settings import Settings, is_loopback

_PERMISSION = "permission"
_UNKNOWN = "this needs a token: send Authorization: Bearer TOKEN"


def allow(permission: Permission, **opt: Any) -> dict[str, Any]:
    """The `opt` of a route that needs `permission`."""
    return {_PERMISSION: permission, **opt}


def permission_of(handler: BaseRouteHandler) -> Permission | None:
    """What a route declared; None when it forgot."""
    found = handler.opt.get(_PERMISSION)
    return found if isinstance(found, Permission) else None


def admit(caller: Principal | None, handler: BaseRouteHandler) -> None:
    """Let a caller on a route. Raises Unauthenticated when nobody knows them, Forbidden."""
    permission = permission_of(handler)
    if permission is None:
        raise Forbidden("this route declares no permission")
    if permission is Permission.OPEN:
        return
    if caller is None:
        raise Unauthenticated(_UNKNOWN)
    if not caller.may(permission):
        raise Forbidden(f"this needs the permission {permission}")


def principal(connection: ASGIConnection[Any, Any, Any, Any]) -> Principal:
    """Who asks. Raises Unauthenticated when nobody knows."""
    found = connection.scope.get("user")
    if not isinstance(found, Principal):
        raise Unauthenticated(_UNKNOWN)
    return found


def check_routes(app: Litestar) -> None:
    """Refuse to start with a route that declares no permission. Raises ConfigurationError."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if permission_of(handler) is None and "OPTIONS" not in getattr(
                handler, "http_methods", ()
            ):
                raise ConfigurationError(f"{route.path} declares no permission")


def check_bind(settings: Settings) -> bool:
    """Whether the bind address is beyond loopback without authentication, permitted on purpose.

    Raises ConfigurationError when it was not permitted.
    """
    if settings.auth == "required" or is_loopback(settings.host):
        return False
    if not settings.insecure_bind:
        raise ConfigurationError(
            f"host: {settings.host} is reachable from other machines and there is no "
            "authentication; set TENURE_AUTH=required, bind to 127.0.0.1, or set "
            "TENURE_INSECURE_BIND=1 if the network is closed"
        )
    return True
