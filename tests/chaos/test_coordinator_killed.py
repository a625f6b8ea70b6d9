"""kill -9 of the coordinator while jobs are submitted: what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
import pytest

from tenure.client.asynchronous import AsyncClient
from tests.chaos.processes import CoordinatorProcess, Processes

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

JOBS = 5_000
BATCH = 50
KILLS = (1_500, 3_500)


class Stored(msgspec.Struct):
    """A job as it is listed, its payload byte for byte."""

    id: str
    payload: msgspec.Raw


class StoredPage(msgspec.Struct):
    items: list[Stored]
    next: str | None = None


def payload(number: int) -> bytes:
    """No encoder writes JSON like this, so equal bytes are the bytes that were sent."""
    return b'{ "n":%d , "price":1.50, "text":"\\u00e9\xc3\xa9" }' % number


@dataclass
class Acknowledged:
    """Number of the job to the ids that were answered for it."""

    ids: dict[int, set[str]] = field(default_factory=dict)

    def note(self, number: int, job_id: str) -> None:
        self.ids.setdefault(number, set()).add(job_id)


async def submit_singly(client: AsyncClient, numbers: range, done: Acknowledged) -> None:
    for number in numbers:
        job = await client.submit(
            "kept", msgspec.Raw(payload(number)), idempotency_key=f"job-{number}"
        )
        done.note(number, job.id)


async def submit_batches(client: AsyncClient, numbers: range, done: Acknowledged) -> None:
    for first in range(numbers.start, numbers.stop, BATCH):
        batch = range(first, min(first + BATCH, numbers.stop))
        jobs = await client.submit_many(
            {
                "type": "kept",
                "payload": msgspec.Raw(payload(number)),
                "idempotency_key": f"job-{number}",
            }
            for number in batch
        )
        for number, job in zip(batch, jobs, strict=True):
            done.note(number, job.id)
        await asyncio.sleep(0.02)  # as slow as those that submit singly


async def kill_on_the_way(coordinator: CoordinatorProcess, done: Acknowledged) -> None:
    for count in KILLS:
        while len(done.ids) < count:
            await asyncio.sleep(0.002)
        coordinator.kill()
        await coordinator.restart()


async def stored(coordinator: CoordinatorProcess) -> dict[str, bytes]:
    """Id to payload of every job in the store."""
    found: dict[str, bytes] = {}
    after: str | None = None
    async with httpx.AsyncClient(base_url=coordinator.url, trust_env=False) as client:
        while True:
            params = {"limit": "500"} | ({} if after is None else {"after": after})
            answer = await client.get("/api/jobs", params=params)
            assert answer.status_code == 200, answer.text
            page = msgspec.json.decode(answer.content, type=StoredPage)
            for job in page.items:
                assert job.id not in found
                found[job.id] = bytes(job.payload)
            if (after := page.next) is None:
                return found


async def test_every_acknowledged_submit_is_there_once(
    processes: Processes, database_url: str, tmp_path: Path
) -> None:
    coordinator = processes.coordinator(database_url)
    await coordinator.ready()
    done = Acknowledged()
    clients = [coordinator.client(30) for _ in range(8)]
    share = JOBS // len(clients)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(kill_on_the_way(coordinator, done))
            for place, client in enumerate(clients):
                numbers = range(place * share, (place + 1) * share)
                submit = submit_batches if place % 2 else submit_singly
                group.create_task(submit(client, numbers, done))
    finally:
        for client in clients:
            await client.aclose()
    found = await stored(coordinator)
    assert len(done.ids) == JOBS
    assert {len(ids) for ids in done.ids.values()} == {1}
    expected = {next(iter(ids)): payload(number) for number, ids in done.ids.items()}
    assert found == expected
