"""SIGTERM of a worker: a drain, and a second one that does not wait."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.chaos import ledger
from tests.chaos.processes import Processes, registered, until, waited

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]


async def test_a_drained_worker_gives_back_what_does_not_finish(
    processes: Processes, tmp_path: Path
) -> None:
    coordinator = processes.coordinator(f"sqlite:///{tmp_path}/tenure.db", lease="30s")
    await coordinator.ready()
    async with coordinator.client() as client:
        first = processes.worker(coordinator.url, "first", slots=8, drain_grace="1s")
        await registered(client, "first")
        gate = tmp_path / "gate"
        short = [(await client.submit("nap", 0.8)).id for _ in range(4)]
        long = [(await client.submit("gate", str(gate))).id for _ in range(4)]

        async def all_begun() -> bool:
            return len(ledger.starts(processes.journal)) == 8

        await until(all_begun)
        queued = (await client.submit("nap", 0)).id
        first.signal(signal.SIGTERM)
        assert await first.ended() == 0
        for job_id in short:
            job = await client.get(job_id)
            assert (job.status, job.attempt, job.lost) == ("completed", 1, 0)
        for job_id in (*long, queued):
            job = await client.get(job_id)
            assert (job.status, job.attempt, job.lost) == ("pending", 0, 0)
        gate.touch()
        processes.worker(coordinator.url, "second")
        done = await waited(client, [*long, queued])
        assert {(j.status, j.attempt, j.lost) for j in done.values()} == {("completed", 1, 0)}
        runs = await ledger.check(client, processes.journal, [*short, *long, queued])
        assert {tuple(run.outcome for run in runs[job_id]) for job_id in long} == {
            ("released", "completed")
        }


async def test_a_second_sigterm_does_not_wait(processes: Processes, tmp_path: Path) -> None:
    coordinator = processes.coordinator(f"sqlite:///{tmp_path}/tenure.db", lease="30s")
    await coordinator.ready()
    async with coordinator.client() as client:
        worker = processes.worker(coordinator.url, drain_grace="60s")
        await registered(client, "worker")
        jobs = [(await client.submit(type_, 60)).id for type_ in ("nap", "burn-thread", "child")]

        async def all_begun() -> bool:
            return len(ledger.starts(processes.journal)) == len(jobs)

        await until(all_begun)
        worker.signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert worker.running
        again_at = time.monotonic()
        worker.signal(signal.SIGTERM)
        assert await worker.ended() == 128 + signal.SIGTERM
        assert time.monotonic() - again_at < 4
        for job_id in jobs:
            job = await client.get(job_id)
            assert (job.status, job.attempt, job.lost) == ("pending", 0, 0)
