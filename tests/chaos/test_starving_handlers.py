"""Handlers that let nothing else of their process run: they keep their leases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import ledger
from tests.chaos.processes import Processes, registered, waited

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

LEASE = 1.5
BUSY_SECONDS = int(10 * LEASE)
TYPES = ("block-loop", "burn-loop", "burn-thread", "burn-child", "hold-gil")


async def test_busy_handlers_are_never_reclaimed(processes: Processes, tmp_path: Path) -> None:
    coordinator = processes.coordinator(f"sqlite:///{tmp_path}/tenure.db", lease=f"{LEASE}s")
    await coordinator.ready()
    async with coordinator.client() as client:
        # One slot each: nobody shares a process with a handler that blocks its loop.
        for name in TYPES:
            processes.worker(coordinator.url, name, slots=1)
        await registered(client, *TYPES)
        ids = [(await client.submit(type_, BUSY_SECONDS)).id for type_ in TYPES]
        done = await waited(client, ids, 60)
        told = {job.type: (job.status, job.attempt, job.lost) for job in done.values()}
        assert told == dict.fromkeys(TYPES, ("completed", 1, 0))
        ran = {job.type: job.result for job in done.values()}
        assert min(ran.values()) >= BUSY_SECONDS, ran
        await ledger.check_once(client, processes.journal, ids)
        assert "reclaimed" not in coordinator.log
