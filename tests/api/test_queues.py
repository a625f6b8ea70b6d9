"""Queues over HTTP, on both stores."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.calls import Api, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio


async def put(api: Api, queue: str, **told: Any) -> httpx.Response:
    return await api.client.put(f"/api/queues/{queue}", json=told)


async def act(api: Api, queue: str, action: str, **told: Any) -> dict[str, Any]:
    answer = await api.client.post(f"/api/queues/{queue}/{action}", json=told)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def shown(api: Api, queue: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.client.get(f"/api/queues/{queue}")).json()
    return found


async def listed(api: Api, queue: str) -> dict[str, Any]:
    items = (await api.client.get("/api/queues")).json()["items"]
    [found] = [item for item in items if item["name"] == queue]
    return dict(found)


async def test_a_queue_nobody_uses_is_there_and_empty(api: Api) -> None:
    found = await shown(api, "nobody")
    assert (found["version"], found["max_running"], found["workers"]) == (0, None, 0)
    assert set(found["counts"].values()) == {0}


async def test_settings_are_set_one_by_one_and_listed(api: Api) -> None:
    queue = fresh_queue()
    answer = await put(api, queue, max_running=2, rate={"count": 5, "per_seconds": 2})
    told = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert (told["max_running"], told["in_use"]) == (2, 0)
    assert told["rate"] == {"count": 5, "per_seconds": 2.0, "tokens": 5, "next_start_at": None}
    answer = await api.client.patch(f"/api/queues/{queue}", json={"agingSeconds": 90, "rate": None})
    told = answer.json()
    assert (told["max_running"], told["rate"], told["aging_seconds"]) == (2, None, 90.0)
    found = await listed(api, queue)
    assert found == told
    assert (await api.client.delete(f"/api/queues/{queue}")).status_code == 204
    found = await shown(api, queue)
    assert (found["max_running"], found["aging_seconds"], found["version"]) == (None, None, 3)


async def test_a_limit_holds_and_wakes_who_waits(api: Api) -> None:
    queue = fresh_queue()
    await put(api, queue, max_running=1)
    ids = await api.submit(queue, 3)
    worker = await api.register(queue)
    [lease] = await worker.acquire(10)
    assert lease["job_id"] == ids[0]
    assert (await shown(api, queue))["in_use"] == 1
    assert await worker.acquire(10) == []
    waiting = asyncio.create_task(worker.ask(10, 20))
    while not api.coordinator.wakeups.waiting_workers():
        await asyncio.sleep(0.001)
    async with asyncio.timeout(20):
        await worker.complete(lease)
        [lease] = (await waiting).json()["leases"]
    assert lease["job_id"] == ids[1]
    waiting = asyncio.create_task(worker.ask(10, 20))
    while not api.coordinator.wakeups.waiting_workers():
        await asyncio.sleep(0.001)
    async with asyncio.timeout(20):
        await put(api, queue, max_running=2)
        [lease] = (await waiting).json()["leases"]
    assert lease["job_id"] == ids[2]


async def test_a_paused_queue_says_why_and_goes_on_when_resumed(api: Api) -> None:
    queue = fresh_queue()
    ids = await api.submit(queue, 1)
    told = await act(api, queue, "pause", reason="the mail server is down")
    assert (told["paused_by"], told["pause_reason"]) == ("local", "the mail server is down")
    assert told["paused_at"] is not None
    again = await act(api, queue, "pause", reason="another")
    assert again == told
    why = (await api.client.get(f"/api/jobs/{ids[0]}/explain")).json()["reasons"][0]
    assert (why["cause"], why["actor"]) == ("queue_paused", "local")
    assert why["comment"] == "the mail server is down"
    worker = await api.register(queue)
    assert await worker.acquire(1) == []
    waiting = asyncio.create_task(worker.ask(1, 20))
    while not api.coordinator.wakeups.waiting_workers():
        await asyncio.sleep(0.001)
    async with asyncio.timeout(20):
        told = await act(api, queue, "resume")
        assert told["paused_at"] is None
        [lease] = (await waiting).json()["leases"]
    assert lease["job_id"] == ids[0]
    assert (await api.client.post(f"/api/queues/{queue}/resume")).status_code == 200


async def test_a_rate_starts_the_next_when_its_token_is_there(api: Api) -> None:
    queue = fresh_queue()
    await put(api, queue, rate={"count": 2, "per_seconds": 0.4})
    await api.submit(queue, 4)
    worker = await api.register(queue)
    loop = asyncio.get_running_loop()
    began = loop.time()
    taken = list(await worker.acquire(10))
    assert len(taken) == 2
    async with asyncio.timeout(20):
        while len(taken) < 4:
            taken += await worker.acquire(10, 20)
    assert loop.time() - began > 0.35  # 0.4 for two tokens
    told = (await shown(api, queue))["rate"]
    assert (told["count"], told["per_seconds"]) == (2, 0.4)


async def test_versions_guard_settings(api: Api) -> None:
    queue = fresh_queue()
    await put(api, queue, max_running=2, version=0)
    problem(await put(api, queue, max_running=3, version=0), 409, "version_conflict")
    path, body = f"/api/queues/{queue}", {"max_running": 4}
    answer = await api.client.put(path, json=body, headers={"If-Match": '"7"'})
    problem(answer, 412, "precondition_failed")
    problem(await api.client.delete(path, headers={"If-Match": '"7"'}), 412)
    answer = await api.client.put(path, json=body, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ({"max_running": 0}, "/max_running"),
        ({"rate": {"count": 1, "per_seconds": 0.01}}, "/rate/per_seconds"),
        ({"max_runing": 1}, "/max_runing"),
        ({}, ""),
        ({"version": 1}, ""),
    ],
)
async def test_settings_that_are_none(api: Api, told: dict[str, Any], pointer: str) -> None:
    answer = await put(api, "wrong", **told)
    assert [found.replace("_", "").lower() for found in pointers(answer)] == [
        pointer.replace("_", "")
    ]
    assert (await shown(api, "wrong"))["version"] == 0


@pytest.mark.parametrize("name", ["a b", "x" * 201, "%00", "%F0%9F%98%80"])
async def test_names_that_are_none(api: Api, name: str) -> None:
    path = f"/api/queues/{name}"
    for answer in (
        await api.client.get(path),
        await api.client.put(path, json={"max_running": 1}),
        await api.client.post(f"{path}/pause"),
        await api.client.delete(path),
    ):
        assert pointers(answer) == ["/name"]
