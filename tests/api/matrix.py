"""Who gets how far on which route: asked of the running application, and kept as a table.

The routes come from the application's own description, and from its router for what is not in
there. A cell is how far a caller gets: `in` when the deed is reached (whatever is then said of the
body), else the status that turned the caller away.
"""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from litestar.routes import HTTPRoute

from tenure.api.security import permission_of
from tenure.domain.access import Kind
from tests.api.calls import Api, Callers, Member, with_bearer, with_token

TABLE = Path(__file__).with_name("access_matrix.csv")
CALLERS = ("anonymous", "viewer", "owner", "other", "admin", "worker", "expired", "revoked")
COLUMNS = ("method", "path", "access", *CALLERS)
AWAY = (401, 403, 404, 405)
QUEUE = "matrix"
UNKNOWN = "0193474a-0000-7000-8000-00000000ffff"
CRON = {"cron": "0 0 1 1 *", "job": {"type": "echo"}}
DAY = {"from": "2026-10-01T00:00:00Z", "to": "2026-10-02T00:00:00Z", "preview": True}

Row = dict[str, str]
Route = tuple[str, str]


def read_table() -> dict[Route, Row]:
    """The kept table by method and path."""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return {(row["method"], row["path"]): row for row in csv.DictReader(stream)}


def write_table(rows: Iterable[Row]) -> None:
    """Keep these rows instead."""
    with TABLE.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: (row["path"], row["method"])))


def line(row: Row) -> str:
    return ",".join(row[name] for name in COLUMNS)


def declared(api: Api) -> dict[Route, str]:
    """Every method of every path that the router knows, with what the route declares."""
    found: dict[Route, str] = {}
    for route in api.app.routes:
        assert isinstance(route, HTTPRoute)
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        for handler in route.route_handlers:
            permission = permission_of(handler)
            for method in handler.http_methods:
                found[str(method), path] = "none" if permission is None else permission.value
        found.setdefault(("HEAD", path), "none")
    return found


async def documented(api: Api) -> set[Route]:
    """The routes of the OpenAPI document."""
    answer = await api.client.get("/api/openapi.json")
    methods = {"get", "put", "post", "delete", "patch", "head", "options"}
    return {
        (method.upper(), path)
        for path, item in answer.json()["paths"].items()
        for method in methods & item.keys()
    }


@dataclass
class Scene:
    """The callers by name, and one object of each kind that `owner` has."""

    callers: Callers
    apis: dict[str, Api]
    worker: Member
    job_id: str
    values: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def of(cls, callers: Callers, stack: AsyncExitStack) -> Scene:
        bare = callers.anonymous
        answer = await callers.worker.client.post(
            "/api/workers/register",
            json={"name": "w", "queues": [QUEUE], "types": [{"name": "echo"}]},
        )
        told = answer.json()
        session = await with_bearer(bare, stack, told["session_token"])
        admin, now = callers.ids["admin"], bare.coordinator.clock.now()
        apis = {
            "anonymous": bare,
            "viewer": callers.viewer,
            "owner": callers.user,
            "other": callers.other,
            "admin": callers.admin,
            "worker": session,
            "expired": await with_token(bare, stack, Kind.API_TOKEN, admin, expires_at=now - 1),
            "revoked": await _revoked(callers, stack),
        }
        worker = Member(session, told["worker_id"], [QUEUE], ["echo"])
        job_id = await _failed(callers.user, worker)
        scene = cls(callers, apis, worker, job_id)
        scene.values = await scene._values()
        return scene

    async def _values(self) -> dict[str, str]:
        owner = self.callers.user
        letters = (await owner.client.get("/api/dead-letters")).json()["items"]
        bulk = {"action": "cancel", "filter": "queue:nowhere"}
        return {
            "job_id": self.job_id,
            "fence": "1",
            "fingerprint": letters[0]["fingerprint"],
            "schedule_id": await _made(owner, "/api/schedules", CRON),
            "workflow_id": await _made(
                owner, "/api/workflows", {"jobs": [{"key": "a", "type": "echo"}]}
            ),
            "operation_id": await _made(owner, "/api/operations", bulk),
            "worker_id": self.worker.id,
            "token_id": await self._token(),
            "who": await self._user(),
            "key": "k",
            "channel": await self._channel(),
            "rule": await self._rule(),
            "delivery_id": UNKNOWN,
            "rest": "x",
        }

    async def _token(self) -> str:
        return await _made(self.callers.user, "/api/tokens", {"name": "t"})

    async def _user(self) -> str:
        number = self.callers.anonymous.coordinator.clock.monotonic()
        body = {"name": f"spare-{number}", "password": "correct horse battery", "role": "user"}
        return await _made(self.callers.admin, "/api/users", body)

    async def _channel(self) -> str:
        number = self.callers.anonymous.coordinator.clock.monotonic()
        body = {"name": f"c-{number}", "kind": "email", "to": ["nobody@example.org"]}
        return await _made(self.callers.admin, "/api/notifications/channels", body)

    async def _rule(self) -> str:
        channel = await self._channel()
        body = {"name": f"r-{channel}", "event": "worker.lost", "channels": [channel]}
        return await _made(self.callers.admin, "/api/notifications/rules", body)

    async def renew(self, path: str) -> None:
        """An object for the next caller to delete."""
        owner = self.callers.user
        if "{job_id}" in path:
            self.values["job_id"] = (await owner.submit(QUEUE))[0]
        elif "{schedule_id}" in path:
            self.values["schedule_id"] = await _made(owner, "/api/schedules", CRON)
        elif "{token_id}" in path:
            self.values["token_id"] = await self._token()
        elif "{who}" in path:
            self.values["who"] = await self._user()
        elif "{channel}" in path:
            self.values["channel"] = await self._channel()
        elif "{rule}" in path:
            self.values["rule"] = await self._rule()

    async def row(self, route: Route, access: str) -> Row:
        """How far everybody gets on a route."""
        method, path = route
        found = {"method": method, "path": path, "access": access}
        for name in CALLERS:
            if method == "DELETE":
                await self.renew(path)
            status = await self.status(name, method, path)
            assert status < 500 or status == 503, (method, path, name, status)
            found[name] = str(status) if status in AWAY else "in"
        return found

    async def status(self, name: str, method: str, path: str) -> int:
        """What a caller is answered; a stream is left as soon as it begins."""
        target = re.sub(r"\{(\w+)\}", lambda m: self.values.get(m[1], UNKNOWN), path)
        body = b"" if method in ("GET", "HEAD", "OPTIONS") else self._body(method, path)
        return await ask(self.apis[name], method, target, body)

    def _body(self, method: str, path: str) -> bytes:
        worker = {"worker_id": self.worker.id}
        ending = path.rpartition("/")[2]
        bodies: dict[str, Any] = {
            "acquire": worker | {"queues": [QUEUE], "types": ["echo"], "slots": 0},
            "complete": worker
            | ({"fence": 1, "outcome": "completed"} if "{job_id}" in path else {"reports": []}),
            "release": worker | {"leases": []},
            "heartbeat": {"leases": []},
            "logs": worker | {"fence": 1, "from": 0, "lines": []},
            "backfill": DAY,
            "pause": {},
            "resume": {},
            "{key}": {"max_running": 2},
            "{who}": {"role": "viewer"},
        }
        if path.endswith("{who}/password"):
            return b'{"password": "correct horse battery staple"}'
        if method in ("PUT", "PATCH"):
            return json.dumps(bodies.get(ending, {"name": "n"})).encode()
        return json.dumps(bodies.get(ending, {})).encode()


async def _made(api: Api, path: str, body: Any) -> str:
    answer = await api.client.post(path, json=body)
    assert answer.status_code == 201, (path, answer.text)
    return str(answer.json()["id"])


async def _failed(owner: Api, worker: Member) -> str:
    """A job that ran and failed for good."""
    [job_id] = await owner.submit(QUEUE, max_attempts=1)
    [lease] = await worker.acquire()
    error = {"type": "MatrixError", "message": "m"}
    answer = await worker.complete(lease, outcome="failed", error=error)
    assert answer.status_code == 200, answer.text
    return job_id


async def _revoked(callers: Callers, stack: AsyncExitStack) -> Api:
    made = (await callers.admin.client.post("/api/tokens", json={"name": "r"})).json()
    gone = await with_bearer(callers.anonymous, stack, made["token"])
    answer = await callers.admin.client.delete(f"/api/tokens/{made['id']}")
    assert answer.status_code == 204, answer.text
    return gone


async def ask(api: Api, method: str, target: str, body: bytes) -> int:
    """The status of one call, without waiting for the end of a stream."""
    headers = [(b"host", b"127.0.0.1"), (b"content-length", str(len(body)).encode())]
    if method not in ("GET", "HEAD", "OPTIONS"):
        headers.append((b"content-type", b"application/json"))
    if (token := api.client.headers.get("authorization")) is not None:
        headers.append((b"authorization", token.encode()))
    path, query = urlsplit(target).path, urlsplit(target).query
    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": quote(path).encode(), "root_path": "",
        "query_string": query.encode(), "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "extensions": {},
    }  # fmt: skip
    asked = [{"type": "http.request", "body": body, "more_body": False}]
    begun: asyncio.Future[tuple[int, bool]] = asyncio.get_running_loop().create_future()

    async def receive() -> Any:
        return asked.pop() if asked else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            kinds = [v for k, v in message["headers"] if k.lower() == b"content-type"]
            begun.set_result((message["status"], b"text/event-stream" in b"".join(kinds)))

    running: asyncio.Future[Any] = asyncio.ensure_future(api.app(scope, receive, send))
    waited: set[asyncio.Future[Any]] = {running, begun}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    status, streams = await begun
    if streams:
        running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return status
