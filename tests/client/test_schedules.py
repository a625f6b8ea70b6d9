"""Schedules through both clients against a real coordinator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anyio import to_thread

from tenure.client.asynchronous import AsyncClient
from tenure.client.blocking import Client
from tenure.client.schedules import AsyncSchedules, Schedules
from tenure.domain.errors import InvalidInput, ScheduleNotFound, VersionConflict
from tests.client.conftest import PATIENCE
from tests.worker.running import Running

pytestmark = pytest.mark.anyio

YEARLY = "0 0 1 1 *"
Ask = Callable[..., Awaitable[Any]]


@pytest.fixture(params=["blocking", "async"])
async def ask(request: pytest.FixtureRequest, running: Running) -> AsyncIterator[Ask]:
    """`await ask(method, ...)` on the schedules of either client in turn."""
    if request.param == "blocking":
        with Client(running.url, patience=PATIENCE) as client:

            async def blocking(method: str, *arguments: Any, **options: Any) -> Any:
                def call() -> Any:
                    answer = getattr(client.schedules, method)(*arguments, **options)
                    return list(answer) if isinstance(answer, Iterator) else answer

                return await to_thread.run_sync(call)

            yield blocking
    else:
        async with AsyncClient(running.url, patience=PATIENCE) as other:

            async def awaited(method: str, *arguments: Any, **options: Any) -> Any:
                answer = getattr(other.schedules, method)(*arguments, **options)
                if isinstance(answer, AsyncIterator):
                    return [item async for item in answer]
                return await answer

            yield awaited


async def test_the_life_of_a_schedule(ask: Ask) -> None:
    job = {"type": "echo", "payload": {"n": 1}, "timeout": timedelta(seconds=5), "tags": ("a",)}
    made = await ask("create", job, cron=YEARLY, timezone="Asia/Tokyo", jitter=30, name="x")
    assert (made.status, made.cron, made.jitter_seconds) == ("active", YEARLY, 30)
    assert (made.job.type, made.job.payload, made.job.timeout_seconds) == ("echo", {"n": 1}, 5)
    assert (await ask("get", made.id[:20])).id == made.id
    changed = await ask("update", made.id, made.version, every=timedelta(hours=1), name=None)
    assert (changed.cron, changed.every_seconds, changed.name, changed.version) == (
        None, 3600, None, 2,
    )  # fmt: skip
    with pytest.raises(VersionConflict):
        await ask("update", made.id, 1, name="y")
    changed = await ask("update", made.id, job={"type": "other"})
    assert (changed.job.type, changed.job.payload) == ("other", None)
    paused = await ask("pause", made.id, "for now")
    assert (paused.status, paused.pause_reason) == ("paused", "for now")
    assert [item.id for item in await ask("list", status="paused")] == [made.id]
    assert (await ask("resume", made.id)).status == "active"
    triggered = await ask("trigger", made.id, "at once")
    assert [item.id for item in await ask("jobs", made.id)] == [triggered.id]
    await ask("delete", made.id)
    with pytest.raises(ScheduleNotFound):
        await ask("get", made.id)


async def test_a_schedule_is_found_by_its_name(ask: Ask) -> None:
    made = await ask("create", {"type": "echo"}, cron=YEARLY, name="New Year 1")
    other = await ask("create", {"type": "echo"}, cron=YEARLY, name="New Year 2")
    assert (await ask("get", "New Year 1")).id == made.id
    assert [item.id for item in await ask("list", name="New Year 2")] == [other.id]
    assert await ask("list", name="New Year") == []
    assert (await ask("pause", "New Year 2")).id == other.id
    assert [item.id for item in await ask("list", name="New Year 2", status="paused")] == [other.id]
    await ask("update", other.id, name="New Year 1")
    with pytest.raises(ScheduleNotFound, match="several schedules are named New Year 1"):
        await ask("get", "New Year 1")
    await ask("delete", other.id)
    assert len(await ask("next", "New Year 1", 1)) == 1
    await ask("delete", "New Year 1")
    with pytest.raises(ScheduleNotFound, match="give its name"):
        await ask("get", "New Year 1")


async def test_a_whole_workflow(ask: Ask) -> None:
    flow = {"jobs": [{"key": "a", "type": "echo"}, {"key": "b", "type": "t", "depends_on": ["a"]}]}
    made = await ask("create", workflow=flow, cron=YEARLY)
    assert [node.key for node in made.workflow.jobs] == ["a", "b"]
    first = await ask("trigger", made.id)
    assert (first.key, first.schedule_id) == ("a", made.id)
    changed = await ask("update", made.id, job={"type": "echo"})
    assert (changed.workflow, changed.job.type) == (None, "echo")
    await ask("delete", made.id)


async def test_backfill_and_ledger(ask: Ask) -> None:
    made = await ask("create", {"type": "echo"}, cron="0 * * * *", paused=True)
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(hours=3)
    seen = await ask("backfill", made.id, start, end, preview=True)
    assert [item.nominal_at for item in seen.items] == [
        start + timedelta(hours=n) for n in range(3)
    ]
    done = await ask("backfill", made.id, start, end)
    assert (done.count, done.existing) == (3, 0)
    rows = await ask("fires", made.id)
    assert [row.nominal_at for row in rows] == [item.nominal_at for item in seen.items[::-1]]
    assert {row.outcome for row in rows} == {"backfilled"}
    assert len(await ask("fires", made.id, limit=2)) == 2
    assert len(await ask("jobs", made.id, limit=2)) == 2
    await ask("delete", made.id)


async def test_times_to_come(ask: Ask) -> None:
    made = await ask("create", {"type": "echo"}, cron=YEARLY)
    times = await ask("next", made.id, 2)
    assert [(item.at.month, item.at.day) for item in times] == [(1, 1), (1, 1)]
    after = datetime(2026, 3, 7, 12, tzinfo=UTC)
    [first] = await ask("preview", "30 2 * * *", timezone="America/New_York", after=after, count=1)
    assert first.local == "2026-03-08T03:00:00-04:00"
    assert "skips 02:30" in first.note
    [first] = await ask("preview", every=timedelta(minutes=1), after=after, count=1)
    assert first.at == after + timedelta(minutes=1)
    await ask("delete", made.id)


async def test_errors_name_the_field(ask: Ask) -> None:
    for job, fields, pointer in (
        ({"type": "echo"}, {"cron": "@daily"}, "/cron"),
        ({"type": "echo"}, {"cron": YEARLY, "timezone": "Mars/X"}, "/timezone"),
        ({"type": "echo", "delay": 5}, {"cron": YEARLY}, "/job/delay_seconds"),
        ({}, {"cron": YEARLY}, "/job/type"),
    ):
        with pytest.raises(InvalidInput) as caught:
            await ask("create", job, **fields)
        assert [error.pointer for error in caught.value.errors] == [pointer]


def test_both_clients_offer_the_same() -> None:
    mine, theirs = (
        {name for name in vars(kind) if not name.startswith("_")}
        for kind in (Schedules, AsyncSchedules)
    )
    assert mine == theirs
