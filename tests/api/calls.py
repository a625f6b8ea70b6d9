"""Calls on the API under test, in the words of the tests."""

from __future__ import annotations

import itertools
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
from litestar import Litestar

from tenure.coordinator import credentials
from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import Kind, Permission, Role
from tenure.store import accounts, tokens
from tenure.store.accounts import NewUser
from tenure.store.tokens import NewToken

JSON = {"Content-Type": "application/json"}
PROBLEM = "application/problem+json"
_numbers = itertools.count(1)


def fresh_queue() -> str:
    """A queue that no other test uses."""
    return f"queue-{next(_numbers)}"


@dataclass
class Member:
    """A registered worker. `leases` as the last acquire answered them; `headers` of its calls hold
    its session token."""

    api: Api
    id: str
    queues: list[str]
    types: list[str]
    leases: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, slots: int = 1, wait: float = 0.0, **more: Any) -> httpx.Response:
        """POST /api/jobs/acquire."""
        body = {
            "worker_id": self.id, "queues": self.queues, "types": self.types, "slots": slots,
            "wait_seconds": wait,
        }  # fmt: skip
        return await self.api.client.post(
            "/api/jobs/acquire", json=body | more, headers=self.headers, timeout=30
        )

    async def acquire(self, slots: int = 1, wait: float = 0.0) -> list[dict[str, Any]]:
        """The leases of one acquire that must succeed."""
        answer = await self.ask(slots, wait)
        assert answer.status_code == 200, answer.text
        self.leases = answer.json()["leases"]
        return self.leases

    async def beat(self, leases: list[dict[str, Any]], **more: Any) -> httpx.Response:
        """A heartbeat that lists these leases."""
        held = [{"job_id": item["job_id"], "fence": item["fence"]} for item in leases]
        return await self.api.client.post(
            f"/api/workers/{self.id}/heartbeat",
            json={"leases": held} | more,
            headers=self.headers,
        )

    async def complete(self, lease: dict[str, Any], **told: Any) -> httpx.Response:
        """Report a lease, completed unless told otherwise."""
        body = {"worker_id": self.id, "fence": lease["fence"], "outcome": "completed"} | told
        return await self.api.client.post(
            f"/api/jobs/{lease['job_id']}/complete", json=body, headers=self.headers
        )


@dataclass
class Api:
    client: httpx.AsyncClient
    coordinator: Coordinator
    app: Litestar

    async def submit(self, queue: str, count: int = 1, **job: Any) -> list[str]:
        """Submit `count` jobs of type `echo`; their ids in order."""
        items = [{"type": "echo", "queue": queue, "payload": n} | job for n in range(count)]
        answer = await self.client.post("/api/jobs/batch", json=items)
        assert answer.status_code == 201, answer.text
        return [item["id"] for item in answer.json()["items"]]

    async def register(
        self, queue: str, slots: int = 10, types: tuple[str, ...] = ("echo",), **more: Any
    ) -> Member:
        """A new worker of this queue."""
        body = {
            "name": "w", "queues": [queue], "types": [{"name": name} for name in types],
            "slots": slots,
        }  # fmt: skip
        answer = await self.client.post("/api/workers/register", json=body | more)
        assert answer.status_code == 201, answer.text
        told = answer.json()
        session = {"Authorization": f"Bearer {told['session_token']}"}
        return Member(self, told["worker_id"], [queue], list(types), headers=session)

    async def job(self, job_id: str) -> dict[str, Any]:
        """A job as it is."""
        answer = await self.client.get(f"/api/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def send(
        self, method: str, path: str, body: bytes, kind: str = "application/json"
    ) -> httpx.Response:
        """A body byte for byte."""
        return await self.client.request(
            method, path, content=body, headers={"Content-Type": kind}, timeout=30
        )


@dataclass
class Callers:
    """The same application, called by each role; `other` is a second user. `worker` has a worker
    token, with which one registers."""

    anonymous: Api
    admin: Api
    user: Api
    other: Api
    viewer: Api
    worker: Api
    ids: dict[str, str]
    """Of the users, by the names above."""

    @classmethod
    async def of(cls, api: Api, stack: AsyncExitStack) -> Callers:
        """Users and tokens of their own. Clients are closed with `stack`."""
        ids: dict[str, str] = {}
        made: dict[str, Api] = {}
        for name, role in ROLES.items():
            ids[name] = await add_user(api, f"test-{name}", role)
            made[name] = await with_token(api, stack, Kind.API_TOKEN, ids[name])
        worker = await with_token(api, stack, Kind.WORKER_TOKEN, None)
        return cls(api, worker=worker, ids=ids, **made)


ROLES = {"admin": Role.ADMIN, "user": Role.USER, "other": Role.USER, "viewer": Role.VIEWER}


async def add_user(api: Api, name: str, role: Role) -> str:
    """A user without a password; the id."""
    here = api.coordinator
    user = NewUser(here.ids.one(here.clock.now()), name, f"{name}@example.org", role, None)
    await here.committer.run(lambda unit: accounts.add_user(unit, user))
    return user.id


async def with_token(
    api: Api,
    stack: AsyncExitStack,
    kind: Kind,
    user_id: str | None,
    *,
    scopes: tuple[Permission, ...] | None = None,
    queues: tuple[str, ...] | None = None,
    expires_at: int | None = None,
) -> Api:
    """The same application, called with a new token."""
    here = api.coordinator
    prefix = credentials.API_TOKEN if kind is Kind.API_TOKEN else credentials.WORKER_TOKEN
    token = credentials.new_token(prefix)
    kept = NewToken(
        here.ids.one(here.clock.now()), kind, "test", credentials.digest(token), user_id, scopes,
        queues, expires_at,
    )  # fmt: skip
    await here.committer.run(lambda unit: tokens.add_token(unit, kept))
    return await with_bearer(api, stack, token)


async def with_bearer(api: Api, stack: AsyncExitStack, token: str) -> Api:
    """The same application, called with this bearer token."""
    called: Any = api.app  # httpx and Litestar type ASGI differently
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=called),
        base_url="http://127.0.0.1",
        headers={"Authorization": f"Bearer {token}"},
    )
    return Api(await stack.enter_async_context(client), api.coordinator, api.app)


def problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem an answer is; its status, media type and shape are checked."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == PROBLEM, answer.headers
    found: dict[str, Any] = json.loads(answer.content)
    assert found.keys() == {"type", "title", "status", "detail", "code", "errors"}
    assert found["status"] == status
    assert found["detail"]
    if code is not None:
        assert found["code"] == code, found
    return found


def pointers(answer: httpx.Response, status: int = 422) -> list[str]:
    """The fields that a problem names."""
    return [item["pointer"] for item in problem(answer, status)["errors"]]
