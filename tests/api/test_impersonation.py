"""Workers with authentication: what their session tokens are good for, and attacks on them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from tenure.domain.access import Kind, Permission
from tests.api.calls import Api, Callers, Member, fresh_queue, problem, with_bearer, with_token

pytestmark = pytest.mark.anyio


async def joined(by: Api, queue: str, stack: AsyncExitStack) -> Member:
    """A worker that registered with the token of `by` and calls with its session token."""
    body = {"name": "w", "queues": [queue], "types": [{"name": "echo"}], "slots": 10}
    answer = await by.client.post("/api/workers/register", json=body)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    session = await with_bearer(by, stack, told["session_token"])
    return Member(session, told["worker_id"], [queue], ["echo"])


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def test_a_worker_works_with_its_session(callers: Callers, stack: AsyncExitStack) -> None:
    queue = fresh_queue()
    worker = await joined(callers.worker, queue, stack)
    await callers.user.submit(queue, 3)
    one, two, three = await worker.acquire(3)
    assert (await worker.beat([one, two, three])).json()["lost"] == []
    assert (await worker.complete(one)).status_code == 200
    lines = {"worker_id": worker.id, "fence": two["fence"], "from": 0, "lines": []}
    path = f"/api/jobs/{two['job_id']}/logs"
    assert (await worker.api.client.post(path, json=lines)).status_code == 200
    reports = {
        "worker_id": worker.id,
        "reports": [{"job_id": two["job_id"], "fence": two["fence"], "outcome": "completed"}],
    }
    told = (await worker.api.client.post("/api/jobs/complete", json=reports)).json()
    assert [item["status"] for item in told["results"]] == ["accepted"]
    given = {
        "worker_id": worker.id,
        "leases": [{"job_id": three["job_id"], "fence": three["fence"], "started": False}],
    }
    answer = await worker.api.client.post("/api/jobs/release", json=given)
    assert answer.json() == {"released": 1}
    assert (await worker.api.client.delete(f"/api/workers/{worker.id}")).status_code == 204


async def test_nobody_else_speaks_for_a_worker(callers: Callers, stack: AsyncExitStack) -> None:
    queue = fresh_queue()
    victim = await joined(callers.worker, queue, stack)
    other = await joined(callers.worker, queue, stack)
    [job_id] = await callers.user.submit(queue)
    [lease] = await victim.acquire()
    liars = [
        (replace(victim, api=other.api), 403), (replace(victim, api=callers.worker), 403),
        (replace(victim, api=callers.admin), 403), (replace(victim, api=callers.user), 403),
        (replace(victim, api=callers.viewer), 403), (replace(victim, api=callers.anonymous), 401),
    ]  # fmt: skip
    for liar, status in liars:
        client = liar.api.client
        problem(await liar.ask(), status)
        problem(await liar.beat([]), status)
        problem(await liar.beat([lease], draining=True), status)
        problem(await liar.complete(lease), status)
        problem(await client.delete(f"/api/workers/{victim.id}"), status)
        one = {"job_id": job_id, "fence": lease["fence"]}
        many = {"worker_id": victim.id, "reports": [one | {"outcome": "completed"}]}
        problem(await client.post("/api/jobs/complete", json=many), status)
        back = {"worker_id": victim.id, "leases": [one | {"started": False}]}
        problem(await client.post("/api/jobs/release", json=back), status)
        lines = [{"at": "2026-01-01T00:00:00Z", "level": "info", "text": "forged"}]
        body = {"worker_id": victim.id, "fence": lease["fence"], "from": 0, "lines": lines}
        problem(await client.post(f"/api/jobs/{job_id}/logs", json=body), status)
    # With its own name, the other's lease is none of its.
    problem(await other.complete(lease), 409, "lease_lost")
    assert (await callers.user.job(job_id))["status"] == "running"
    logs = await callers.user.client.get(f"/api/jobs/{job_id}/logs")
    assert logs.json()["items"] == []
    assert (await victim.beat([lease])).json()["lost"] == []
    assert (await victim.complete(lease)).status_code == 200


async def test_a_session_is_good_for_nothing_else(callers: Callers, stack: AsyncExitStack) -> None:
    worker = await joined(callers.worker, fresh_queue(), stack)
    client = worker.api.client
    for path in ("/api/jobs", "/api/stats", "/api/users", "/api/tokens", "/api/workers"):
        problem(await client.get(path), 403, "forbidden")
    body = {"name": "w", "queues": ["default"], "types": []}
    problem(await client.post("/api/workers/register", json=body), 403, "forbidden")
    problem(await client.post("/api/jobs", json={"type": "echo"}), 403, "forbidden")
    problem(await client.post("/api/jobs/batch", json=[{"type": "echo"}]), 403, "forbidden")
    me = (await client.get("/api/auth/me")).json()
    assert (me["id"], me["kind"], me["role"]) == (worker.id, "worker", "worker")


async def test_a_worker_submits_for_what_it_runs(callers: Callers, stack: AsyncExitStack) -> None:
    queue = fresh_queue()
    worker = await joined(callers.worker, queue, stack)
    other = await joined(callers.worker, queue, stack)
    [job_id] = await callers.user.submit(queue)
    [lease] = await worker.acquire()
    parent = {"job_id": job_id, "fence": lease["fence"]}
    body = {"type": "echo", "queue": fresh_queue(), "parent": parent}
    answer = await worker.api.client.post("/api/jobs", json=body)
    assert answer.status_code == 201, answer.text
    child = await callers.user.job(answer.json()["id"])
    assert child["owner_id"] == callers.ids["user"]
    problem(await other.api.client.post("/api/jobs", json=body), 409, "lease_lost")
    problem(await callers.worker.client.post("/api/jobs", json=body), 409, "lease_lost")
    stale = body | {"parent": parent | {"fence": lease["fence"] + 1}}
    problem(await worker.api.client.post("/api/jobs", json=stale), 409, "lease_lost")
    await worker.complete(lease)
    problem(await worker.api.client.post("/api/jobs", json=body), 409, "lease_lost")


async def test_a_token_for_some_queues(callers: Callers, stack: AsyncExitStack) -> None:
    mine, others = fresh_queue(), fresh_queue()
    token = await with_token(
        callers.anonymous, stack, Kind.WORKER_TOKEN, None, queues=(mine, "spare")
    )
    body: dict[str, Any] = {"name": "w", "queues": [mine, others], "types": [{"name": "echo"}]}
    problem(await token.client.post("/api/workers/register", json=body), 403, "forbidden")
    worker = await joined(token, mine, stack)
    await callers.user.submit(others)
    problem(await replace(worker, queues=[others]).ask(), 422)
    problem(await replace(worker, queues=[mine, others]).ask(), 422)
    wanted = {"queues": [others], "types": ["echo"], "slots": 1}
    many = {"worker_id": worker.id, "reports": [], "acquire": wanted}
    told = await worker.api.client.post("/api/jobs/complete", json=many)
    assert "acquired" not in told.json()
    assert await worker.acquire() == []


@pytest.mark.parametrize("by", ["worker", "admin"])
async def test_a_session_ends_with_what_it_came_from(
    callers: Callers, stack: AsyncExitStack, by: str
) -> None:
    admin = callers.admin.client
    body = {"name": "x", "kind": "worker"} if by == "worker" else {"name": "x", "scopes": ["work"]}
    told = (await admin.post("/api/tokens", json=body)).json()
    token = await with_bearer(callers.anonymous, stack, told["token"])
    worker = await joined(token, fresh_queue(), stack)
    assert (await worker.beat([])).status_code == 200
    assert (await admin.delete(f"/api/tokens/{told['id']}")).status_code == 204
    problem(await worker.beat([]), 401, "unauthenticated")
    problem(await token.client.post("/api/workers/register", json={"name": "w"}), 401)


async def test_an_administrator_who_is_demoted_works_no_more(
    callers: Callers, stack: AsyncExitStack
) -> None:
    admin = callers.admin.client
    body = {"name": f"boss-{fresh_queue()}", "role": "admin"}
    boss = (await admin.post("/api/users", json=body)).json()
    token = await with_token(callers.anonymous, stack, Kind.API_TOKEN, boss["id"])
    worker = await joined(token, fresh_queue(), stack)
    assert (await worker.beat([])).status_code == 200
    await admin.patch(f"/api/users/{boss['id']}", json={"role": "user"})
    problem(await worker.beat([]), 401, "unauthenticated")


async def test_forged_sessions(callers: Callers, stack: AsyncExitStack) -> None:
    worker = await joined(callers.worker, fresh_queue(), stack)
    other = await joined(callers.worker, fresh_queue(), stack)
    good = worker.api.client.headers["authorization"].removeprefix("Bearer ")
    theirs = other.api.client.headers["authorization"].removeprefix("Bearer ")
    flipped = [
        good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        for at in range(3, len(good) - 1, 7)
    ]
    for token in (
        "ws_", "ws_x", good + "A", good[:-4], good.replace("ws_", "ws_A", 1), good + "====",
        theirs[:40] + good[40:], good[3:], "ws_" + "A" * (len(good) - 3), *flipped,
    ):  # fmt: skip
        liar = replace(worker, api=await with_bearer(callers.anonymous, stack, token))
        problem(await liar.beat([]), 401, "unauthenticated")


async def test_scopes_without_work_register_nothing(
    callers: Callers, stack: AsyncExitStack
) -> None:
    token = await with_token(
        callers.anonymous, stack, Kind.API_TOKEN, callers.ids["admin"],
        scopes=(Permission.READ, Permission.ADMINISTER),
    )  # fmt: skip
    problem(await token.client.post("/api/workers/register", json={"name": "w"}), 403, "forbidden")
