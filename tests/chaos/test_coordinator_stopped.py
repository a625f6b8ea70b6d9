"""A coordinator that is frozen, stopped or killed while jobs run: they go on, and run once."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tenure.client.asynchronous import AsyncClient
from tests.chaos import ledger
from tests.chaos.processes import Processes, registered, until, waited

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

LEASE = 1.5


async def submitted(client: AsyncClient, count: int, type_: str, payload: object) -> list[str]:
    jobs = await client.submit_many({"type": type_, "payload": payload} for _ in range(count))
    return [job.id for job in jobs]


async def begun(processes: Processes, count: int) -> None:
    async def look() -> bool:
        return len(ledger.starts(processes.journal)) == count

    await until(look)


async def test_a_frozen_coordinator_reclaims_nothing(
    processes: Processes, database_url: str
) -> None:
    coordinator = processes.coordinator(database_url, lease=f"{LEASE}s")
    await coordinator.ready()
    ready_at = time.monotonic()
    async with coordinator.client() as client:
        names = ("first", "second")
        for name in names:
            processes.worker(coordinator.url, name, slots=10)
        await registered(client, *names)
        gate = processes.directory / "gate"
        long = await submitted(client, 12, "gate", str(gate))
        short = await submitted(client, 100, "nap", 0.3)  # some end, some start while it is frozen
        await begun(processes, 20)
        # As long as the sweeper must have been well, so that it would sweep.
        await asyncio.sleep(max(0.0, ready_at + 1.2 * LEASE - time.monotonic()))
        coordinator.signal(signal.SIGSTOP)
        await asyncio.sleep(3 * LEASE)
        coordinator.signal(signal.SIGCONT)
        await asyncio.sleep(1.5 * LEASE)  # the sweeper judges again
        gate.touch()
        done = await waited(client, [*long, *short])
        assert {(j.status, j.attempt, j.lost) for j in done.values()} == {("completed", 1, 0)}
        await ledger.check_once(client, processes.journal, [*long, *short])
        assert "reclaimed" not in coordinator.log


async def test_two_hundred_running_jobs_outlive_two_restarts(
    processes: Processes, database_url: str
) -> None:
    coordinator = processes.coordinator(database_url, lease=f"{LEASE}s")
    await coordinator.ready()
    async with coordinator.client() as client:
        names = ("first", "second")
        workers = [processes.worker(coordinator.url, name, slots=100) for name in names]
        await registered(client, *names)
        gates = [processes.directory / name for name in ("stopped", "killed")]
        halves = [await submitted(client, 100, "gate", str(gate)) for gate in gates]
        ids = [job_id for half in halves for job_id in half]
        await begun(processes, 200)

        coordinator.signal(signal.SIGTERM)
        assert await coordinator.ended() == 0
        gates[0].touch()  # a hundred end while nobody hears of it
        await asyncio.sleep(0.3)
        await coordinator.restart()
        await waited(client, halves[0])
        for job_id in halves[1]:
            assert (await client.get(job_id)).status == "running"

        coordinator.kill()
        gates[1].touch()
        await asyncio.sleep(LEASE)  # every lease runs out meanwhile
        await coordinator.restart()
        done = await waited(client, ids)
        assert {(j.status, j.attempt, j.lost) for j in done.values()} == {("completed", 1, 0)}
        await ledger.check_once(client, processes.journal, ids)
        assert "reclaimed" not in coordinator.log
        assert all(worker.running for worker in workers)
        assert len(await client.workers()) == 2


async def test_a_second_one_on_the_same_file_says_why_it_ends(
    processes: Processes, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/tenure.db"
    first = processes.coordinator(url)
    await first.ready()
    second = processes.coordinator(url, name="second")
    assert await second.ended() == 1
    assert "Traceback" not in second.log
    said = [line for line in second.log.splitlines() if "another coordinator uses" in line]
    assert len(said) == 1
    assert str(tmp_path / "tenure.db") in said[0]
    async with first.client() as client:
        assert (await client.submit("any")).id
    first.kill()
    await second.restart()
    async with second.client() as client:
        assert [job.type async for job in client.list()] == ["any"]
