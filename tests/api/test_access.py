"""Who may call what: every route declares it, and nothing is open by accident."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware

from tenure.api import app as application
from tenure.api import problems
from tenure.api.authentication import Authenticator
from tenure.api.security import admit, check_bind, check_routes, permission_of
from tenure.domain.access import Permission, Principal, Role
from tenure.domain.errors import ConfigurationError, Forbidden, Unauthenticated
from tenure.settings import Settings
from tests.api.calls import problem

pytestmark = pytest.mark.anyio

OPEN = {
    "/health", "/health/ready", "/api/health", "/api/openapi.json", "/api/auth/register",
    "/api/auth/signup", "/api/auth/login", "/api/auth/refresh", "/api/auth/logout",
}  # fmt: skip
WORK = {
    ("POST", "/api/workers/register"), ("POST", "/api/jobs/acquire"),
    ("POST", "/api/workers/{worker_id:str}/heartbeat"),
    ("POST", "/api/jobs/{job_id:str}/complete"), ("POST", "/api/jobs/complete"),
    ("POST", "/api/jobs/release"), ("POST", "/api/jobs/{job_id:str}/logs"),
    ("DELETE", "/api/workers/{worker_id:str}"),
}  # fmt: skip

SUBMIT = {"/api/jobs", "/api/jobs/batch"}

MAKE = {"/api/workflows", "/api/schedules"}

RUNS = ("/retry", "/resume", "/trigger", "/backfill")
"""Endings of routes that make code run."""


def _declared() -> dict[tuple[str, str], Permission]:
    found: dict[tuple[str, str], Permission] = {}
    for handler in application.ROUTES:
        for method in handler.http_methods:
            for path in handler.paths:
                permission = permission_of(handler)
                assert permission is not None, path
                found[str(method), path] = permission
    return found


def test_every_route_declares_what_it_does() -> None:
    for (method, path), permission in _declared().items():
        if path in OPEN:
            assert permission is Permission.OPEN
        elif (method, path) in WORK:
            assert permission is Permission.WORK
        elif path == "/api/audit" or path.startswith(
            ("/api/users", "/api/notifications/channels", "/api/notifications/deliveries")
        ):
            assert permission is Permission.ADMINISTER
        elif path.startswith("/api/tokens") or path == "/api/auth/password":
            assert permission is Permission.ACCOUNT
        elif path == "/api/auth/me":
            assert permission is Permission.KNOWN
        elif method == "GET":
            assert permission is Permission.READ
        elif method == "POST" and path in SUBMIT:
            assert permission is Permission.SUBMIT
        elif path.startswith("/api/queues/"):
            assert permission is Permission.ADMINISTER
        elif path.endswith(RUNS) or (method == "POST" and path in MAKE):
            assert permission is Permission.EXECUTE
        else:
            assert permission in (Permission.CONTROL, Permission.ADMINISTER)


@get("/forgotten", sync_to_thread=False)
def forgotten() -> str:
    return "secret"


@get("/probe", opt={"permission": Permission.OPEN}, sync_to_thread=False)
def probe() -> str:
    return "probe"


@get("/read", opt={"permission": Permission.READ}, sync_to_thread=False)
def read() -> str:
    return "read"


@get("/work", opt={"permission": Permission.WORK}, sync_to_thread=False)
def work() -> str:
    return "work"


def _app() -> Any:
    return Litestar(
        [forgotten, read, work],
        middleware=[DefineMiddleware(Authenticator, authentication=None)],
        exception_handlers=problems.HANDLERS,
        state=State(),
        logging_config=None,
        openapi_config=None,
    )


def _client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1")


def test_a_route_without_a_permission_is_refused_at_start() -> None:
    with pytest.raises(ConfigurationError, match="/forgotten declares no permission"):
        check_routes(_app())


async def test_a_route_without_a_permission_is_refused_at_every_call() -> None:
    async with _client(_app()) as client:
        problem(await client.get("/forgotten"), 403, "forbidden")
        assert (await client.get("/read")).text == "read"


def test_a_principal_may_what_its_role_may() -> None:
    viewer = Principal(Role.VIEWER, "ann")
    admit(viewer, read)
    with pytest.raises(Forbidden, match="this needs the permission work"):
        admit(viewer, work)


def test_nobody_may_only_what_is_open() -> None:
    admit(None, probe)
    with pytest.raises(Unauthenticated):
        admit(None, read)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_permission(host: str) -> None:
    assert check_bind(Settings(host=host)) is False


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.4", "example.org", "localhost.example.org", "", "*"]
)  # fmt: skip
def test_any_other_bind_is_refused_unless_permitted(host: str) -> None:
    with pytest.raises(ConfigurationError, match="TENURE_INSECURE_BIND"):
        check_bind(Settings(host=host))
    assert check_bind(Settings(host=host, insecure_bind=True)) is True


def test_with_authentication_any_bind_is_fine() -> None:
    assert check_bind(Settings(host="0.0.0.0", auth="required")) is False
