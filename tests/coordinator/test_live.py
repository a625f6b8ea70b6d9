"""Live events: who listens hears what changed, whoever changed it; nobody slow holds anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tenure.coordinator import live as module
from tenure.coordinator.coordinator import Coordinator
from tenure.coordinator.live import Event, parse_topics
from tenure.domain.access import LOCAL_ADMIN
from tenure.domain.errors import InvalidInput, TooMany
from tenure.settings import Settings
from tests.coordinator.scenes import finish, lease, register, submit
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 20
Parts = AsyncGenerator[list[Event], None]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.005)


@asynccontextmanager
async def listening(
    coordinator: Coordinator, *topics: str, after: str | None = None
) -> AsyncIterator[Parts]:
    """A stream whose first part has come is the caller's to read."""
    parts = coordinator.live.listen(topics, after)
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            yield parts
        finally:
            await parts.aclose()


async def heard(parts: Parts, *wanted: str) -> list[str]:
    """The topics that changed, up to when all wanted ones were named."""
    topics: list[str] = []
    while not set(wanted) <= set(topics):
        for event in await anext(parts):
            topics.append(json.loads(event.data).get("topic", event.kind))
    return topics


async def test_a_job_is_told_at_every_step_and_no_other(coordinator: Coordinator) -> None:
    one, two = await submit(coordinator, 2)
    worker_id = await register(coordinator)
    async with listening(coordinator, f"job:{one}", f"job:{two}") as parts:
        assert await anext(parts) == []
        held = await lease(coordinator, worker_id)
        assert held.job_id == one
        assert await heard(parts, f"job:{one}") == [f"job:{one}"]
        await finish(coordinator, worker_id, held)
        assert await heard(parts, f"job:{one}") == [f"job:{one}"]
        await coordinator.control.cancel(two, LOCAL_ADMIN)
        assert await heard(parts, f"job:{two}") == [f"job:{two}"]
    assert coordinator.live.listeners == 0


async def test_lists_of_people_and_machines_are_told(coordinator: Coordinator) -> None:
    async with listening(coordinator, "workers", "schedules", "operations") as parts:
        await anext(parts)
        await register(coordinator)
        await heard(parts, "workers")
        body = json.dumps({"every_seconds": 60, "job": {"type": "echo"}}).encode()
        await coordinator.scheduling.create(body, LOCAL_ADMIN)
        await heard(parts, "schedules")


async def test_a_workflow_is_told_when_its_jobs_move(coordinator: Coordinator) -> None:
    jobs = [{"key": "a", "type": "echo"}, {"key": "b", "type": "echo", "depends_on": ["a"]}]
    receipt = await coordinator.workflows.submit(json.dumps({"jobs": jobs}).encode(), LOCAL_ADMIN)
    topic = f"workflow:{receipt.job_id}"
    worker_id = await register(coordinator)
    async with listening(coordinator, topic) as parts:
        await anext(parts)
        held = await lease(coordinator, worker_id)
        assert await heard(parts, topic) == [topic]
        await finish(coordinator, worker_id, held)
        await heard(parts, topic)


async def test_numbers_come_at_once_and_when_they_differ(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    pulses: list[dict[str, Any]] = []
    hints: set[str] = set()
    async with listening(coordinator, "stats", "jobs", "queue:default", "queue:other") as parts:
        (first,) = await anext(parts)
        assert (first.kind, json.loads(first.data)["active"]["pending"]) == ("stats", 0)
        await submit(coordinator, 3)
        while not pulses or pulses[-1]["active"]["pending"] < 3:
            await coordinator.insight.refresh()
            await coordinator.live.look(anew=True)
            for event in await anext(parts):
                if event.kind == "stats":
                    pulses.append(json.loads(event.data))
                else:
                    hints.add(json.loads(event.data)["topic"])
    assert pulses[-1]["totals"]["submitted"] == 3
    assert pulses[-1]["oldest_pending_seconds"] >= 0
    assert hints == {"jobs", "queue:default"}


async def test_who_comes_back_goes_on_where_it_was(coordinator: Coordinator) -> None:
    one, two = (f"job:{job_id}" for job_id in await submit(coordinator, 2))
    worker_id = await register(coordinator)
    async with listening(coordinator, one, two) as others:
        await anext(others)
        await lease(coordinator, worker_id)
        (first,) = await anext(others)
        await lease(coordinator, worker_id)
        (second,) = await anext(others)
        async with listening(coordinator, one, two, after=first.id) as parts:
            assert await anext(parts) == []
            assert await anext(parts) == [second]


@pytest.mark.parametrize("after", ["00000000-1", "x", "", "-", "9" * 30])
async def test_who_comes_from_elsewhere_reads_all_again(
    coordinator: Coordinator, after: str
) -> None:
    async with listening(coordinator, "workers", after=after) as parts:
        assert [event.kind for event in await anext(parts)] == ["resync"]


async def test_who_is_too_slow_reads_all_again(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = [f"job:{job_id}" for job_id in await submit(coordinator, module.KEPT_EVENTS // 500)]
    ring: Any = coordinator.live
    async with listening(coordinator, *topics) as parts:
        await anext(parts)
        for number in range(module.KEPT_EVENTS + 1):
            ring._publish(topics[number % len(topics)], "change", b"{}")
        (event,) = await anext(parts)
        assert event.kind == "resync"
        ring._publish(topics[0], "change", b"{}")
        (event,) = await anext(parts)
        assert event.kind == "change"


def looking(coordinator: Coordinator) -> bool:
    live: Any = coordinator.live
    return live._looking is not None


async def test_nobody_listening_nothing_runs(coordinator: Coordinator) -> None:
    await submit(coordinator, 1)
    assert not looking(coordinator)
    async with listening(coordinator, "jobs") as parts:
        await anext(parts)
        assert looking(coordinator)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while looking(coordinator):
            await asyncio.sleep(0.002)
    live: Any = coordinator.live
    assert (live._marks, sum(live._topics.values())) == ({}, 0)


async def test_silence_is_an_empty_part(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    async with listening(coordinator, "operations") as parts:
        assert [await anext(parts) for _ in range(3)] == [[], [], []]


async def test_a_stream_ends_in_time_and_at_a_stop(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(coordinator, "jobs") as parts:
        await anext(parts)
        waiting = asyncio.create_task(anext(parts, None))
        await asyncio.sleep(0)
        coordinator.live.stop()
        assert await waiting is None
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.0)
    async with listening(coordinator, "jobs") as parts:
        assert [part async for part in parts] == [[]]


async def test_listeners_are_bounded(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator.live.check_room()
    monkeypatch.setattr(module, "MAX_LISTENERS", 0)
    with pytest.raises(TooMany):
        coordinator.live.check_room()


def test_topics_are_checked() -> None:
    assert parse_topics("stats, jobs,stats,queue:a:b") == ("stats", "jobs", "queue:a:b")
    for wrong in ("", ",", "job", "job:", "nothing", "stats:x", ",".join(map(str, range(200)))):
        with pytest.raises(InvalidInput):
            parse_topics(wrong)
    with pytest.raises(InvalidInput, match="did you mean workers"):
        parse_topics("worker")


async def test_what_another_coordinator_did_is_told(postgres_server: PostgresServer) -> None:
    settings = Settings(database_url=postgres_server.url(postgres_server.new_name()))
    here, there = Coordinator(settings), Coordinator(settings)
    await here.start()
    await there.start()
    here.count_coordinators(2)
    [job_id] = await submit(there, 1)
    async with listening(here, f"job:{job_id}", "workers") as parts:
        await anext(parts)
        await register(there)
        await heard(parts, "workers")
        await there.control.cancel(job_id, LOCAL_ADMIN)
        await heard(parts, f"job:{job_id}")
    await here.stop()
    await there.stop()
