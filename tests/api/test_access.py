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
from tenure.api.security import HostGate, check_bind, check_routes, guard, permission_of
from tenure.domain.access import Permission, Principal, Role
from tenure.domain.errors import ConfigurationError
from tenure.settings import Settings
from tests.api.calls import Api, problem

pytestmark = pytest.mark.anyio

OPEN = {"/health", "/health/ready", "/api/health", "/api/openapi.json"}
WORK = {
    ("POST", "/api/workers/register"), ("POST", "/api/jobs/acquire"),
    ("POST", "/api/workers/{worker_id:str}/heartbeat"),
    ("POST", "/api/jobs/{job_id:str}/complete"), ("POST", "/api/jobs/complete"),
    ("POST", "/api/jobs/release"), ("POST", "/api/jobs/{job_id:str}/logs"),
    ("DELETE", "/api/workers/{worker_id:str}"),
}  # fmt: skip

SUBMIT = {"/api/jobs", "/api/jobs/batch", "/api/workflows", "/api/schedules"}


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
        elif method == "GET":
            assert permission is Permission.READ
        elif path.endswith(RUNS) or (method == "POST" and path in SUBMIT):
            assert permission is Permission.EXECUTE
        else:
            assert permission in (Permission.CONTROL, Permission.ADMINISTER)


@get("/forgotten", sync_to_thread=False)
def forgotten() -> str:
    return "secret"


@get("/read", opt={"permission": Permission.READ}, sync_to_thread=False)
def read() -> str:
    return "read"


@get("/work", opt={"permission": Permission.WORK}, sync_to_thread=False)
def work() -> str:
    return "work"


class AsViewer:
    """Stands for the authentication of a later version: everybody is a viewer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["user"] = Principal(Role.VIEWER, "ann")
        await self._app(scope, receive, send)


def _app(*middleware: Any, settings: Settings | None = None) -> Any:
    gate = DefineMiddleware(HostGate, settings=settings or Settings())
    return Litestar(
        [forgotten, read, work],
        guards=[guard],
        middleware=[gate, *middleware],
        exception_handlers=problems.HANDLERS,
        state=State(),
        logging_config=None,
        openapi_config=None,
    )


def _client(app: Any, host: str = "127.0.0.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{host}")


def test_a_route_without_a_permission_is_refused_at_start() -> None:
    with pytest.raises(ConfigurationError, match="/forgotten declares no permission"):
        check_routes(_app())


async def test_a_route_without_a_permission_is_refused_at_every_call() -> None:
    async with _client(_app()) as client:
        problem(await client.get("/forgotten"), 403, "forbidden")
        assert (await client.get("/read")).text == "read"


async def test_a_principal_may_what_its_role_may() -> None:
    async with _client(_app(AsViewer)) as client:
        assert (await client.get("/read")).status_code == 200
        problem(await client.get("/work"), 403, "forbidden")


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


def test_authentication_that_is_not_there_is_not_pretended() -> None:
    with pytest.raises(ConfigurationError, match="auth"):
        check_bind(Settings(auth="required"))


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1", True), ("127.0.0.1:5000", True), ("localhost:80", True), ("LOCALHOST", True),
        ("[::1]:5000", True), ("[::1]", True), ("jobs.example.org", True),
        ("jobs.example.org:443", True), ("evil.example.org", False), ("", False),
        ("127.0.0.1.evil.org", False), ("localhost.evil.org:5000", False), ("[::2]:5000", False),
        ("evil.org@127.0.0.1", False), ("127.0.0.1:5000@evil.org", False),
    ],
)  # fmt: skip
async def test_foreign_hosts_are_refused(host: str, known: bool) -> None:
    settings = Settings(allowed_hosts=("jobs.example.org",))
    async with _client(_app(settings=settings)) as client:
        answer = await client.get("/read", headers={"Host": host})
        if known:
            assert answer.status_code == 200
        else:
            problem(answer, 403, "forbidden")


async def test_a_bind_by_name_is_a_known_host() -> None:
    app = _app(settings=Settings(host="box.local", insecure_bind=True))
    async with _client(app, "box.local:5000") as client:
        assert (await client.get("/read")).status_code == 200


ORIGINS = [
    ("http://127.0.0.1:5000", True), ("http://localhost:3000", True), ("http://[::1]:1", True),
    ("null", False), ("http://evil.org", False), ("http://127.0.0.1.evil.org", False),
    ("http://evil.org#127.0.0.1", False), ("http://[::1", False), ("", False),
    ("http://localhost@evil.org", False),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "known"), ORIGINS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_foreign_origins_may_not_change_anything(
    fresh: Api, method: str, origin: str, known: bool
) -> None:
    [job_id] = await fresh.submit("default")
    answer = await fresh.client.request(
        method,
        f"/api/jobs/{job_id}/cancel" if method == "POST" else f"/api/jobs/{job_id}",
        headers={"Origin": origin},
        json={} if method == "POST" else {"priority": 1},
    )
    if known:
        assert answer.status_code in (200, 204)
        return
    problem(answer, 403, "forbidden")
    assert (await fresh.job(job_id))["version"] == 1


async def test_reading_is_open_to_any_origin_without_its_credentials(fresh: Api) -> None:
    answer = await fresh.client.get("/api/stats", headers={"Origin": "http://evil.org"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("name", ["Host", "Origin"])
async def test_two_hosts_or_origins_do_not_slip_through(fresh: Api, name: str) -> None:
    good = "127.0.0.1" if name == "Host" else "http://127.0.0.1"
    bad = "evil.org" if name == "Host" else "http://evil.org"
    for pair in ((good, bad), (bad, good)):
        headers = [(name, value) for value in pair]
        answer = await fresh.client.post("/api/jobs", json={"type": "echo"}, headers=headers)
        problem(answer, 403 if name == "Origin" else answer.status_code)
        assert answer.status_code in (400, 403)
    assert (await fresh.client.get("/api/jobs")).json()["items"] == []


async def test_a_form_of_a_foreign_page_is_no_json(fresh: Api) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await fresh.send("POST", "/api/jobs", b'{"type":"echo"}', kind)
        problem(answer, 415)
