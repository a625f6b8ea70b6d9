"""Limits of queues and keys while workers and coordinators are killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import pytest

from tenure import AsyncClient
from tests.chaos import ledger
from tests.chaos.processes import CoordinatorProcess, Process, Processes, registered, until, waited
from tests.chaos.proxy import proxied
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

LEASE = 2.0
MOST, OF_KEY = 5, 2
KEY = "printer"


def most_at_once(
    processes: Processes,
    deaths: dict[int, float],
    among: Iterable[str] | None = None,
    since: float = 0.0,
) -> int:
    """How many handlers ran at the same time, at most, when one began after `since`; those of a
    killed process ran until its death."""
    chosen = None if among is None else set(among)
    running: dict[tuple[str, int], tuple[float, int]] = {}
    steps: list[tuple[float, int]] = []
    for entry in ledger.entries(processes.journal):
        if chosen is not None and entry.job_id not in chosen:
            continue
        if entry.what == "start":
            running[entry.job_id, entry.fence] = (entry.at, entry.pid)
        else:
            began, _ = running.pop((entry.job_id, entry.fence))
            steps += [(began, 1), (entry.at, -1)]
    for began, pid in running.values():
        assert pid in deaths, "a handler that began has an end, or its process was killed"
        steps += [(began, 1), (deaths[pid], -1)]
    number = most = 0
    for at, change in sorted(steps):
        number += change
        if change > 0 and at > since:
            most = max(most, number)
    return most


async def limited(client: AsyncClient) -> None:
    await client.set_queue("default", max_running=MOST)
    await client.set_limit(KEY, OF_KEY)


async def submitted(client: AsyncClient, count: int, seconds: float) -> tuple[list[str], list[str]]:
    """Jobs of the limited queue, and those of them that share the key."""
    plain = await client.submit_many({"type": "nap", "payload": seconds} for _ in range(count))
    keyed = await client.submit_many(
        {"type": "nap", "payload": seconds, "concurrency_key": KEY} for _ in range(count // 3)
    )
    ids = [job.id for job in keyed]
    return [*(job.id for job in plain), *ids], ids


async def nothing_leaked(client: AsyncClient, processes: Processes) -> None:
    """All is free again, and as much as may runs at once."""
    queue = await client.queue("default")
    assert (queue.in_use, queue.max_running) == (0, MOST)
    assert (await client.limit(KEY)).admitted == 0
    gate = processes.directory / "gate"
    before = len(ledger.starts(processes.journal))
    jobs = await client.submit_many({"type": "gate", "payload": str(gate)} for _ in range(MOST + 3))

    async def full() -> bool:
        return (await client.queue("default")).in_use == MOST

    async def begun() -> bool:
        return len(ledger.starts(processes.journal)) == before + MOST

    await until(full)
    await until(begun)
    await asyncio.sleep(0.3)
    assert await begun()
    gate.touch()
    done = await waited(client, [job.id for job in jobs])
    assert {job.status for job in done.values()} == {"completed"}


def kill(process: Process, deaths: dict[int, float]) -> None:
    process.kill()
    deaths[process.pid] = time.monotonic()


async def test_limits_hold_while_workers_and_the_coordinator_are_killed(
    processes: Processes, database_url: str
) -> None:
    coordinator = processes.coordinator(database_url, lease=f"{LEASE}s")
    await coordinator.ready()
    deaths: dict[int, float] = {}
    async with coordinator.client() as client:
        await limited(client)
        workers = [processes.worker(coordinator.url, f"worker-{n}", slots=8) for n in range(2)]
        await registered(client, "worker-0", "worker-1")
        ids, keyed = await submitted(client, 60, 0.15)

        async def some(count: int) -> None:
            async def look() -> bool:
                return len(ledger.starts(processes.journal)) >= count

            await until(look)

        await some(12)
        kill(workers[0], deaths)
        await some(24)
        coordinator.kill()
        await coordinator.restart()
        await some(36)
        workers[0].start()
        done = await waited(client, ids, 60)
        assert {job.status for job in done.values()} == {"completed"}
        assert any(job.lost for job in done.values())
        await ledger.check(client, processes.journal, ids)
        assert 1 < most_at_once(processes, deaths) <= MOST
        assert most_at_once(processes, deaths, keyed) <= OF_KEY
        await nothing_leaked(client, processes)


async def test_limits_hold_on_two_coordinators_of_which_one_is_killed(
    processes: Processes, postgres_server: PostgresServer
) -> None:
    database_url = postgres_server.url(postgres_server.new_name())
    here = processes.coordinator(database_url, name="here", lease=f"{LEASE}s")
    there = processes.coordinator(database_url, name="there", lease=f"{LEASE}s")
    await asyncio.gather(here.ready(), there.ready())
    deaths: dict[int, float] = {}
    async with there.client() as client, proxied(here.port) as proxy:
        workers = [
            processes.worker(url, f"worker-{n}", slots=8)
            for n, url in enumerate((proxy.url, there.url, there.url))
        ]
        await registered(client, "worker-0", "worker-1", "worker-2")
        free = [
            job.id
            for job in await client.submit_many({"type": "nap", "payload": 0.3} for _ in range(40))
        ]  # many run at once when the limit is set

        async def begun(count: int) -> None:
            async def look() -> bool:
                return len(ledger.starts(processes.journal)) >= count

            await until(look)

        await begun(15)
        await limited(client)
        set_at = time.monotonic()
        ids, keyed = await submitted(client, 60, 0.1)
        await begun(50)
        kill(workers[1], deaths)
        await begun(70)
        here.kill()
        proxy.switch(there.port)
        await begun(85)
        await restarted(here, workers[1])
        done = await waited(client, free + ids, 60)
        assert {job.status for job in done.values()} == {"completed"}
        await ledger.check(client, processes.journal, free + ids)
        assert most_at_once(processes, deaths) > MOST  # before
        assert 1 < most_at_once(processes, deaths, since=set_at + 1.0) <= MOST
        assert most_at_once(processes, deaths, keyed) <= OF_KEY
        await nothing_leaked(client, processes)


async def restarted(coordinator: CoordinatorProcess, worker: Process) -> None:
    await coordinator.restart()
    worker.start()
