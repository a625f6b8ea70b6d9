"""Numbers and probes."""

from __future__ import annotations

import asyncio

import pytest

from tenure import __version__
from tests.api.calls import Api, fresh_queue, problem

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


async def test_numbers_over_time_are_those_of_a_lane_or_of_all(api: Api) -> None:
    queue = fresh_queue()
    member = await api.register(queue, slots=4)
    await api.submit(queue, 3)
    (one, two, _) = await member.acquire(3)
    await member.complete(one)
    await member.complete(two, outcome="failed", error={"type": "E", "message": "m"})
    for seconds, step in ((900, 60), (3_600, 60), (604_800, 7_200)):
        answer = await api.client.get(
            "/api/stats/series", params={"range_seconds": seconds, "queue": queue}
        )
        found = answer.json()
        assert (found["step_seconds"], len(found["points"])) == (step, seconds // step)
        sums = {
            m: sum(p[m] for p in found["points"]) for m in ("submitted", "completed", "retried")
        }
        assert sums == {"submitted": 3, "completed": 1, "retried": 1}
        delays = [p["start_delay_seconds"]["p50"] for p in found["points"] if p["submitted"]]
        assert any(delay is not None for delay in delays)
    path = "/api/stats/series?range_seconds=900&type=nothing-of-this-type"
    none = (await api.client.get(path)).json()
    assert sum(point["submitted"] for point in none["points"]) == 0


async def test_a_range_is_one_of_a_few(api: Api) -> None:
    answer = await api.client.get("/api/stats/series?range_seconds=17")
    assert "900, 3600" in problem(answer, 422, "invalid_input")["errors"][0]["detail"]


async def test_handlers_are_those_that_are_offered_or_had_jobs(api: Api) -> None:
    queue = fresh_queue()
    schema = {"type": "object", "properties": {"to": {"type": "string"}}}
    asked = {
        "name": "w", "queues": [queue], "slots": 2,
        "types": [{"name": f"mail-{queue}", "schema": schema}, {"name": f"bare-{queue}"}],
    }  # fmt: skip
    worker = (await api.client.post("/api/workers/register", json=asked)).json()
    await api.submit(queue, type=f"mail-{queue}")
    items = {item["type"]: item for item in (await api.client.get("/api/handlers")).json()["items"]}
    mail, bare = items[f"mail-{queue}"], items[f"bare-{queue}"]
    assert (mail["schema"], mail["workers"], mail["queues"]) == (schema, 1, [queue])
    assert (bare["schema"], bare["completed"]) == (None, 0)
    await api.client.delete(f"/api/workers/{worker['worker_id']}")
    items = {item["type"]: item for item in (await api.client.get("/api/handlers")).json()["items"]}
    assert (items[f"mail-{queue}"]["workers"], items[f"mail-{queue}"]["schema"]) == (0, schema)
