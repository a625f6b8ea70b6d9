"""What waits or streams ends soon after its caller may no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from tenure.api import standing
from tenure.coordinator import following, live, wakeups
from tenure.domain.access import Kind, Role
from tests.api.calls import Api, Callers, add_user, fresh_queue, problem, with_bearer, with_token

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is looked at more often than in earnest."""
    monkeypatch.setattr(standing, "CHECK_SECONDS", 0.02)
    monkeypatch.setattr(wakeups, "READ_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(following, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.02)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as found:
        yield found


Harm = Callable[[Callers, str, str], Any]


async def revoked(callers: Callers, user_id: str, token_id: str) -> None:
    assert (await callers.admin.client.delete(f"/api/tokens/{token_id}")).status_code == 204


async def locked_out(callers: Callers, user_id: str, token_id: str) -> None:
    await _change(callers, user_id, disabled=True)


async def lowered(callers: Callers, user_id: str, token_id: str) -> None:
    """From an administrator, who saw the job of somebody else, to a user who does not."""
    await _change(callers, user_id, role="user")


async def _change(callers: Callers, user_id: str, **changes: Any) -> None:
    answer = await callers.admin.client.patch(f"/api/users/{user_id}", json=changes)
    assert answer.status_code == 200, answer.text


HARMS = [revoked, locked_out, lowered]
_number = iter(range(100_000))


async def caller(callers: Callers, stack: AsyncExitStack) -> tuple[Api, str, str]:
    """A new administrator with a token: the caller, the user's id, the token's."""
    user_id = await add_user(callers.admin, f"standing-{next(_number)}", Role.ADMIN)
    first = await with_token(callers.admin, stack, Kind.API_TOKEN, user_id)
    made = (await first.client.post("/api/tokens", json={"name": "waits"})).json()
    return await with_bearer(callers.admin, stack, made["token"]), user_id, made["id"]


async def begun(waits: Callable[[], int], before: int, task: asyncio.Task[Any]) -> None:
    while waits() == before and not task.done():
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("harm", HARMS)
async def test_a_followed_log_ends(callers: Callers, stack: AsyncExitStack, harm: Harm) -> None:
    [job_id] = await callers.user.submit(fresh_queue())
    api, user_id, token_id = await caller(callers, stack)
    following = api.coordinator.following
    async with asyncio.timeout(20):
        reading = asyncio.create_task(api.client.get(f"/api/jobs/{job_id}/logs?follow=true"))
        await begun(lambda: following.followers, 0, reading)
        await asyncio.sleep(0.1)
        assert not reading.done()
        await harm(callers, user_id, token_id)
        assert "event: end" not in (await reading).text
    assert following.followers == 0


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("kind", ["jobs", "workflows"])
async def test_a_wait_ends(callers: Callers, stack: AsyncExitStack, harm: Harm, kind: str) -> None:
    if kind == "jobs":
        [found] = await callers.user.submit(fresh_queue())
    else:
        flow = {"jobs": [{"key": "a", "type": "nobody-runs-this"}]}
        found = (await callers.user.client.post("/api/workflows", json=flow)).json()["id"]
    api, user_id, token_id = await caller(callers, stack)
    async with asyncio.timeout(20):
        waiting = asyncio.create_task(api.client.get(f"/api/{kind}/{found}?wait=30"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await harm(callers, user_id, token_id)
        problem(await waiting, 403 if harm is lowered else 401)


@pytest.mark.parametrize("harm", [revoked, locked_out])
async def test_live_events_end(callers: Callers, stack: AsyncExitStack, harm: Harm) -> None:
    api, user_id, token_id = await caller(callers, stack)
    live = api.coordinator.live
    async with asyncio.timeout(20):
        listening = asyncio.create_task(api.client.get("/api/events?topics=stats"))
        await begun(lambda: live.listeners, 0, listening)
        await asyncio.sleep(0.1)
        assert not listening.done()
        await harm(callers, user_id, token_id)
        await listening
    assert live.listeners == 0


async def test_a_submit_is_told_of_though_its_wait_ends(
    callers: Callers, stack: AsyncExitStack
) -> None:
    api, user_id, token_id = await caller(callers, stack)
    job = {"type": "nobody-runs-this"}
    async with asyncio.timeout(20):
        waiting = asyncio.create_task(
            api.client.post("/api/jobs", json=job, headers={"Prefer": "wait=30"})
        )
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await revoked(callers, user_id, token_id)
        told = await waiting
    assert told.status_code == 201
    kept = await callers.admin.job(told.json()["id"])
    assert kept["type"] == "nobody-runs-this"


async def test_a_worker_waits_for_work_no_longer(callers: Callers, stack: AsyncExitStack) -> None:
    """Its next request is refused, and no job is leased to it."""
    made = await callers.admin.client.post("/api/tokens", json={"name": "w", "kind": "worker"})
    token = made.json()
    queue = fresh_queue()
    member = await (await with_bearer(callers.admin, stack, token["token"])).register(queue)
    waiting_workers = callers.admin.coordinator.wakeups.waiting_workers
    async with asyncio.timeout(20):
        polling: asyncio.Task[httpx.Response] = asyncio.create_task(member.ask(wait=30))
        while member.id not in waiting_workers():
            await asyncio.sleep(0.005)
        assert not polling.done()
        await revoked(callers, "", token["id"])
        told = await polling
    assert (told.status_code, told.json()["leases"]) == (200, [])
    [job_id] = await callers.admin.submit(queue)
    problem(await member.ask(), 401)
    assert (await callers.admin.job(job_id))["status"] == "pending"


async def test_who_may_waits_to_the_end(callers: Callers, stack: AsyncExitStack) -> None:
    [job_id] = await callers.user.submit(fresh_queue())
    api, user_id, _ = await caller(callers, stack)
    async with asyncio.timeout(20):
        waiting = asyncio.create_task(api.client.get(f"/api/jobs/{job_id}?wait=30"))
        await asyncio.sleep(0.1)
        await _change(callers, user_id, role="viewer")
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await callers.user.client.post(f"/api/jobs/{job_id}/cancel")
        assert (await waiting).json()["status"] == "cancelled"
