"""Workflows on one store with several coordinators."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN
from tenure.settings import Settings
from tenure.wire import leases
from tenure.wire.workers import RegisterIn

pytestmark = pytest.mark.anyio
PARENTS = 1_000


async def worker(here: Coordinator) -> str:
    asked = RegisterIn.model_validate(
        {"name": "w", "queues": ["default"], "types": [{"name": "echo"}], "slots": 2_000}
    )
    return (await here.fleet.register(asked, LOCAL_ADMIN)).worker_id


async def leased(here: Coordinator, worker_id: str) -> list[leases.Lease]:
    found: list[leases.Lease] = []
    asked = leases.Acquire(worker_id=worker_id, queues=["default"], types=["echo"], slots=500)
    while more := (await here.leasing.acquire(asked)).leases:
        found += more
    return found


async def end(here: Coordinator, worker_id: str, held: list[leases.Lease]) -> None:
    reports = [
        leases.ReportItem(job_id=one.job_id, fence=one.fence, outcome="completed") for one in held
    ]
    told = await here.leasing.complete_many(
        leases.CompleteMany(worker_id=worker_id, reports=reports)
    )
    assert {result.status for result in told.results} == {"accepted"}


async def test_a_thousand_parents_end_at_once_on_two_coordinators(
    database_url: str, store_kind: str
) -> None:
    one = Coordinator(Settings(database_url=database_url))
    await one.start()
    two = one
    if store_kind == "postgres":
        two = Coordinator(Settings(database_url=database_url))
        await two.start()
    keys = [f"p{number}" for number in range(PARENTS)]
    jobs: list[Any] = [{"key": key, "type": "echo"} for key in keys]
    jobs.append({"key": "child", "type": "echo", "depends_on": keys})
    made = json.loads(
        (await one.workflows.submit(json.dumps({"jobs": jobs}).encode(), LOCAL_ADMIN)).body
    )
    worker_id = await worker(one)
    held = await leased(one, worker_id)
    assert len(held) == PARENTS
    pieces = [held[start : start + 7] for start in range(0, PARENTS, 7)]
    async with asyncio.TaskGroup() as group:
        for place, piece in enumerate(pieces):
            group.create_task(end((one, two)[place % 2], worker_id, piece))
    found = [*await leased(one, worker_id), *await leased(two, worker_id)]
    assert [lease.workflow_id for lease in found] == [made["id"]]
    assert len(found[0].parents) == PARENTS
    await end(two, worker_id, found)
    workflow = await one.workflows.get(made["id"], LOCAL_ADMIN)
    assert (workflow.status, workflow.jobs) == ("completed", {"completed": PARENTS + 1})
    for here in {one, two}:
        await here.stop()
