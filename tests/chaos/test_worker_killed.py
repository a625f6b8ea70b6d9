"""Workers and their children that are killed, stopped and drained."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from tenure import AsyncClient
from tenure.domain.retry import RetryPolicy, Strategy
from tests.chaos import ledger
from tests.chaos.processes import Processes, registered, until, waited

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

LEASE, SWEEP = 2.0, 0.2
SLACK = 2.0
"""Seconds for claims, starts and a busy machine."""


async def started(processes: Processes, count: int) -> None:
    """Wait until that many handlers have begun."""

    async def look() -> bool:
        return len(ledger.starts(processes.journal)) >= count

    await until(look)


async def test_jobs_of_a_killed_worker_finish_elsewhere(
    processes: Processes, database_url: str
) -> None:
    coordinator = processes.coordinator(database_url, lease=f"{LEASE}s")
    await coordinator.ready()
    async with coordinator.client() as client:
        doomed = processes.worker(coordinator.url, "doomed", slots=6)
        await registered(client, "doomed")
        gate = processes.directory / "gate"
        jobs = await client.submit_many({"type": "gate", "payload": str(gate)} for _ in range(6))
        ids = [job.id for job in jobs]
        await started(processes, 6)
        heir = processes.worker(coordinator.url, "heir")
        await registered(client, "heir")
        doomed.kill()
        killed_at = time.monotonic()
        gate.touch()
        done = await waited(client, ids)
        took = time.monotonic() - killed_at
        assert took < LEASE + SWEEP + SLACK
        assert {job.status for job in done.values()} == {"completed"}
        assert {(job.attempt, job.lost) for job in done.values()} == {(2, 1)}
        assert {job.result for job in done.values()} == {heir.pid}
        runs = await ledger.check(client, processes.journal, ids)
        for job_id in ids:
            assert [run.outcome for run in runs[job_id]] == ["lost", "completed"]


async def test_a_checkpoint_outlives_its_worker_and_a_failure(
    processes: Processes, database_url: str
) -> None:
    coordinator = processes.coordinator(database_url, lease=f"{LEASE}s")
    await coordinator.ready()
    async with coordinator.client() as client:
        doomed = processes.worker(coordinator.url, "doomed")
        await registered(client, "doomed")
        policy = RetryPolicy(strategy=Strategy.FIXED, initial_delay_seconds=0.0, jitter=0.0)
        gate = str(processes.directory / "never")
        job = await client.submit("steps", gate, retry_policy=policy)

        async def saved() -> bool:
            progress = (await client.get(job.id)).progress
            return progress is not None and progress.message == "saved"

        await until(saved)  # told by the heartbeat that brought the checkpoint
        doomed.kill()
        heir = processes.worker(coordinator.url, "heir")
        done = await client.wait(job.id, 30)
        assert (done.status, done.attempt, done.lost) == ("completed", 3, 1)
        assert done.result == [doomed.pid, heir.pid, heir.pid]
        assert [run.outcome for run in await client.runs(job.id)] == ["lost", "failed", "completed"]


async def test_a_killed_child_is_a_failed_attempt(processes: Processes, tmp_path: Path) -> None:
    coordinator = processes.coordinator(f"sqlite:///{tmp_path}/tenure.db", lease="30s")
    await coordinator.ready()
    async with coordinator.client() as client:
        worker = processes.worker(coordinator.url)
        await registered(client, "worker")
        policy = RetryPolicy(strategy=Strategy.FIXED, initial_delay_seconds=1.0, jitter=0.0)
        job = await client.submit("child", 60, retry_policy=policy)
        await started(processes, 1)
        (entry,) = ledger.entries(processes.journal)
        assert entry.pid != worker.pid
        os.kill(entry.pid, signal.SIGKILL)
        killed_at = time.monotonic()

        async def reported() -> bool:
            return (await client.get(job.id)).status == "scheduled"

        await until(reported, every=0.02)
        assert time.monotonic() - killed_at < 1.0
        told = await client.get(job.id)
        assert (told.reason, told.attempt, told.lost) == ("backoff", 1, 0)
        done = await client.wait(job.id, 15)
        assert (done.status, done.attempt, done.lost) == ("completed", 2, 0)
        crashed, good = await client.runs(job.id)
        assert (crashed.outcome, good.outcome) == ("failed", "completed")
        assert crashed.error is not None
        assert crashed.error.type == "HandlerCrashed"
        assert "SIGKILL" in crashed.error.message
        assert crashed.finished_at is not None
        assert good.started_at is not None
        assert (good.started_at - crashed.finished_at).total_seconds() >= 1.0
        assert worker.running


async def report_late(client: AsyncClient, job_id: str, worker_id: str) -> httpx.Response:
    """What the first worker would say of the first lease."""
    async with httpx.AsyncClient(base_url=client.url, trust_env=False) as raw:
        return await raw.post(
            f"/api/jobs/{job_id}/complete",
            json={"worker_id": worker_id, "fence": 1, "outcome": "completed", "result": "late"},
        )


async def test_a_stopped_worker_reports_too_late(processes: Processes, database_url: str) -> None:
    coordinator = processes.coordinator(database_url, lease=f"{LEASE}s")
    await coordinator.ready()
    async with coordinator.client() as client:
        asleep = processes.worker(coordinator.url, "asleep", slots=2)
        ids = await registered(client, "asleep")
        jobs = [
            (await client.submit("nap", 1.0)).id,  # ends while its process is stopped
            (await client.submit("block-loop", 1.0)).id,
        ]
        await started(processes, 2)
        asleep.signal(signal.SIGSTOP)
        awake = processes.worker(coordinator.url, "awake")
        done = await waited(client, jobs)
        assert {(job.status, job.attempt, job.lost) for job in done.values()} == {
            ("completed", 2, 1)
        }
        asleep.signal(signal.SIGCONT)

        async def noticed() -> bool:
            ended = [e for e in ledger.entries(processes.journal) if e.pid == asleep.pid]
            told = "after their leases had ended" in asleep.log
            return told or sum(e.what == "end" for e in ended) == len(jobs)

        await until(noticed)
        for job_id in jobs:
            answer = await report_late(client, job_id, ids["asleep"])
            assert answer.status_code == 409, answer.text
            assert answer.json()["code"] == "lease_lost"
        again = {job_id: await client.get(job_id) for job_id in jobs}
        assert [again[job_id].result for job_id in jobs] == [done[j].result for j in jobs]
        assert again[jobs[0]].result == awake.pid
        runs = await ledger.check(client, processes.journal, jobs)
        for job_id in jobs:
            assert [run.outcome for run in runs[job_id]] == ["lost", "completed"]
        # the one that was asleep is not broken: it works again
        awake.signal(signal.SIGTERM)
        assert await awake.ended() == 0
        later = await client.wait((await client.submit("nap", 0)).id, 15)
        assert (later.status, later.result) == ("completed", asleep.pid)
