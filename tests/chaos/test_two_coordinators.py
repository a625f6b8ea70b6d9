"""Two coordinators on one PostgreSQL: one fleet, one set of jobs."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from tests.chaos import ledger
from tests.chaos.processes import Processes, registered, until, waited
from tests.chaos.proxy import proxied
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

LEASE = 2.0


async def test_work_crosses_coordinators_and_outlives_one(
    processes: Processes, postgres_server: PostgresServer
) -> None:
    database_url = postgres_server.url(postgres_server.new_name())
    # Both at once: neither database nor tables are there yet.
    here = processes.coordinator(database_url, name="here", lease=f"{LEASE}s")
    there = processes.coordinator(database_url, name="there", lease=f"{LEASE}s")
    await asyncio.gather(here.ready(), there.ready())
    async with here.client() as at_here, there.client() as at_there, proxied(here.port) as proxy:
        gate = processes.directory / "gate"
        over_there = processes.worker(there.url, "over-there", slots=20)
        await registered(at_here, "over-there")
        await asyncio.sleep(LEASE / 3)  # each has seen the other, and the poll waits

        # A submit to one wakes a worker that waits at the other, well before any poll looks again.
        for _ in range(5):
            asked_at = datetime.now(UTC)
            job = await at_here.submit("nap", 0)
            done = await at_there.wait(job.id, 10)
            assert done.started_at is not None
            assert (done.started_at - asked_at).total_seconds() < 1.0
            assert (done.status, done.result) == ("completed", over_there.pid)

        # Lines that one took are followed at the other, before its job has ended.
        talk = await at_here.submit("talk", str(gate))
        async for line in at_here.follow(talk.id, timeout=20):
            if line.text == "one":
                told = (await at_here.get(talk.id)).status
                gate.touch()
        assert (told, line.text) == ("running", "two")
        gate.unlink()

        # Many, to both, with workers at both: each runs once.
        over_here = processes.worker(proxy.url, "over-here", slots=20)
        await registered(at_here, "over-here")
        answers = await asyncio.gather(
            *(
                client.submit_many({"type": "nap", "payload": 0.05} for _ in range(100))
                for client in (at_here, at_there)
            )
        )
        ids = [job.id for answer in answers for job in answer]
        done_all = await waited(at_there, ids)
        assert {(j.status, j.attempt, j.lost) for j in done_all.values()} == {("completed", 1, 0)}
        assert {j.result for j in done_all.values()} == {over_here.pid, over_there.pid}
        runs = await ledger.check(at_here, processes.journal, ids)
        assert {len(runs[job_id]) for job_id in ids} == {1}

        # One is killed while jobs run in its workers, which reach the other at the same address.
        before = len(ledger.starts(processes.journal))
        jobs = await at_there.submit_many({"type": "gate", "payload": str(gate)} for _ in range(40))
        ids = [job.id for job in jobs]

        async def all_begun() -> bool:
            return len(ledger.starts(processes.journal)) == before + 40

        await until(all_begun)
        holders = {(await at_there.get(job_id)).worker_id for job_id in ids}
        assert len(holders) == 2
        here.kill()
        proxy.switch(there.port)
        killed_at = time.monotonic()
        gate.touch()
        done_all = await waited(at_there, ids)
        assert time.monotonic() - killed_at < 2 * LEASE
        assert {(j.status, j.attempt, j.lost) for j in done_all.values()} == {("completed", 1, 0)}
        runs = await ledger.check(at_there, processes.journal, ids)
        assert {len(runs[job_id]) for job_id in ids} == {1}
        assert "reclaimed" not in here.log + there.log
        assert over_here.running
