"""Numbers and probes."""

from __future__ import annotations

import asyncio

import pytest

from tenure import __version__
from tests.api.calls import Api, fresh_queue

pytestmark = pytest.mark.anyio


async def test_the_process_is_alive(api: Api) -> None:
    answer = await api.client.get("/health")
    assert answer.json() == {"status": "ok", "version": __version__}


@pytest.mark.parametrize("path", ["/health/ready", "/api/health"])
async def test_readiness_names_every_duty_and_the_store(api: Api, path: str) -> None:
    answer = await api.client.get(path)
    assert answer.status_code == 200
    checks = {check["name"]: check["ok"] for check in answer.json()["checks"]}
    assert set(checks) >= {"store", "sweeper", "promoter", "reaper", "pruner", "pulse"}
    assert set(checks.values()) == {True}


async def test_a_duty_that_does_not_beat_is_503(fresh: Api) -> None:
    clock, before = fresh.coordinator.clock, fresh.coordinator.clock.monotonic
    clock.monotonic = lambda: before() + 3600 * 1_000_000
    answer = await fresh.client.get("/health/ready")
    clock.monotonic = before
    assert (answer.status_code, answer.json()["status"]) == (503, "failing")
    assert (await fresh.client.get("/health/ready")).status_code == 200


async def test_numbers(fresh: Api) -> None:
    queue = fresh_queue()
    member = await fresh.register(queue, slots=4)
    await fresh.submit(queue, 5)
    [lease] = await member.acquire()
    await member.complete(lease)
    await member.acquire()
    async with asyncio.timeout(10):
        # One runs after the first claim as well: only the last step leaves three waiting.
        while (await fresh.client.get("/api/stats")).json()["active"]["pending"] != 3:
            await fresh.coordinator.insight.refresh()
            await asyncio.sleep(0.01)
    for path in ("/api/stats", "/api/health/metrics"):
        stats = (await fresh.client.get(path)).json()
        assert stats["active"]["pending"] == 3
        assert stats["active"]["running"] == 1
        assert stats["totals"]["submitted"] == 5
        assert stats["totals"]["completed"] == 1
        assert {"queue": queue, "type": "echo", "status": "running", "count": 1} in (
            stats["by_queue"]
        )
        assert len(stats["minutes"]) == 60
        assert set(stats["start_delay_seconds"]) == {"p50", "p95", "p99"}
    [found] = (await fresh.client.get("/api/queues")).json()["items"]
    assert (found["name"], found["workers"]) == (queue, 1)
    assert found["counts"]["pending"] == 3
    scale = (await fresh.client.get("/api/autoscale", params={"queue": queue})).json()
    assert (scale["demand"], scale["pending"], scale["running"]) == (4, 3, 1)
    assert (scale["slots"], scale["workers"]) == (4, 1)
    empty = (await fresh.client.get("/api/autoscale")).json()
    assert (empty["queue"], empty["demand"]) == ("default", 0)
