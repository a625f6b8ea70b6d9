"""kill -9 of coordinators in the middle of a bulk operation: it goes on, and does nothing twice."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from tenure.client.asynchronous import AsyncClient
from tests.chaos.processes import Processes, until
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

JOBS = 2_000
KILLS = 2


async def test_it_goes_on_where_it_was(processes: Processes, database_url: str) -> None:
    coordinator = processes.coordinator(database_url)
    await coordinator.ready()
    async with coordinator.client(30) as client:
        made = await client.submit_many({"type": "kept", "queue": f"q{n % 2}"} for n in range(JOBS))
        begun = await client.begin("cancel", "queue:q1", reason="chaos")
        assert begun.expected == JOBS // 2
        for turn in range(1, KILLS + 1):
            await until(partial(_done, client, begun.id, turn * 200), timeout=60, every=0.005)
            coordinator.kill()
            await coordinator.restart()
        told = await until(lambda: _ended(client, begun.id), timeout=60)
        assert (told.status, told.done, told.refused) == ("completed", JOBS // 2, 0)
        states = Counter([(job.queue, job.status) async for job in client.list()])
        assert states == {("q1", "cancelled"): JOBS // 2, ("q0", "pending"): JOBS // 2}
        for job in made[1::100]:
            assert [event.event for event in await client.events(job.id)] == ["cancel"]


async def _done(client: AsyncClient, operation_id: str, least: int) -> bool:
    return (await client.operation(operation_id)).done >= least


async def _ended(client: AsyncClient, operation_id: str) -> object:
    told = await client.operation(operation_id)
    return told if told.finished else None


async def test_two_coordinators_share_it(
    processes: Processes, postgres_server: PostgresServer
) -> None:
    database_url = postgres_server.url(postgres_server.create())
    both = [processes.coordinator(database_url, name=name) for name in ("one", "other")]
    for coordinator in both:
        await coordinator.ready()
    async with both[0].client(30) as client, both[1].client(30) as other:
        await client.submit_many([{"type": "kept"} for _ in range(JOBS // 2)])
        begun = await client.begin("cancel", "status:pending")
        await until(lambda: _done(other, begun.id, 200), timeout=60, every=0.005)
        both[0].kill()
        told = await until(lambda: _ended(other, begun.id), timeout=60)
        assert (told.status, told.done, told.refused) == ("completed", JOBS // 2, 0)
