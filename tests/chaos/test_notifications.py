"""kill -9 of the coordinator between commit and delivery: the message arrives, under its id."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator

import httpx
import pytest
import sqlalchemy as sa

from tenure.store import tables_notify as n
from tenure.store.engine import open_store
from tests.chaos.processes import CoordinatorProcess, Processes, until
from tests.notify.receiver import Receiver

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Nobody listens yet, at a port that is known."""
    made = Receiver()
    await made.start()
    await made.stop()
    yield made
    await made.stop()


async def test_what_was_committed_is_told(
    processes: Processes, database_url: str, receiver: Receiver
) -> None:
    coordinator = processes.coordinator(database_url, TENURE_HTTP_ALLOW="127.0.0.1")
    await coordinator.ready()
    async with coordinator.client(30) as client:
        told = client.notifications
        await told.add_channel("hook", "webhook", url=receiver.url)
        await told.add_rule("cancelled", "job.cancelled", channels=["hook"])
        job = await client.submit("kept")
        await client.cancel(job.id)

        async def tried() -> str | None:
            # A claim of the dead lasts a minute, so the kill waits for the end of an attempt.
            return next((one.id for one in await told.deliveries() if one.error), None)

        sent = await until(tried)
        coordinator.kill()
        await receiver.start(receiver.port)
        await coordinator.restart()
        got = await receiver.holds(1, 180)
        assert got[0].headers["webhook-id"] == sent
        assert job.id in got[0].body

        async def delivered() -> bool:
            return (await told.delivery(sent)).status == "delivered"

        await until(delivered)


JOBS = 20
RULES = 100
"""Each filter is a query, so the matching of one event takes far longer than a kill."""
MOST_ROUNDS = 10


async def test_what_was_not_matched_yet_is_told_too(
    processes: Processes, database_url: str, receiver: Receiver
) -> None:
    await receiver.start(receiver.port)
    coordinator = processes.coordinator(database_url, TENURE_HTTP_ALLOW="127.0.0.1")
    await coordinator.ready()
    async with coordinator.client(30) as client:
        told = client.notifications
        await told.add_channel("hook", "webhook", url=receiver.url)
        await told.add_rule("done", "job.completed", channels=["hook"])
        for place in range(RULES):
            name = f"never-{place}"
            await told.add_rule(name, "job.completed", channels=["hook"], filter=f"tag:{name}")
        done: list[str] = []
        for _ in range(MOST_ROUNDS):
            made = await client.submit_many({"type": "kept"} for _ in range(JOBS))
            done += [job.id for job in made]
            await _complete_and_kill(coordinator)
            unmatched = await _unmatched(database_url)
            await coordinator.restart()
            if unmatched:
                break
        assert unmatched == JOBS

        async def all_told() -> bool:
            return {subject(body) for body in bodies()} == set(done)

        def bodies() -> list[str]:
            return [one.body for one in receiver.got]

        await until(all_told, timeout=180)
        ids: defaultdict[str, set[str]] = defaultdict(set)
        for one in receiver.got:
            ids[subject(one.body)].add(one.headers["webhook-id"])
        assert {len(found) for found in ids.values()} == {1}

        async def all_logged() -> bool:
            log = await told.deliveries(limit=500)
            assert {one.id for one in log} == set().union(*ids.values())
            return {one.status for one in log} == {"delivered"}

        await until(all_logged, timeout=180)


def subject(body: str) -> str:
    """The job that a message is about."""
    found: str = json.loads(body)["data"]["job"]["id"]
    return found


async def _complete_and_kill(coordinator: CoordinatorProcess) -> None:
    """Complete JOBS jobs in one transaction, and kill as soon as that is acknowledged."""
    lanes = {"queues": ["default"], "slots": JOBS}
    async with httpx.AsyncClient(base_url=coordinator.url, timeout=30) as http:
        introduced = {"name": "w", "types": [{"name": "kept"}]} | lanes
        worker = (await http.post("/api/workers/register", json=introduced)).json()
        http.headers["authorization"] = f"Bearer {worker['session_token']}"
        asked = {"worker_id": worker["worker_id"], "types": ["kept"], "wait_seconds": 0} | lanes
        leases = (await http.post("/api/jobs/acquire", json=asked)).json()["leases"]
        reports = [
            {"job_id": one["job_id"], "fence": one["fence"], "outcome": "completed"}
            for one in leases
        ]
        body = {"worker_id": worker["worker_id"], "reports": reports}
        answer = await http.post("/api/jobs/complete", json=body)
        coordinator.kill()
    settled = [one["status"] for one in answer.json()["results"]]
    assert settled == ["accepted"] * JOBS


async def _unmatched(database_url: str) -> int:
    """How many events wait in the outbox of a store that nobody has open."""
    store = open_store(database_url)
    await store.open()
    try:
        count = sa.select(sa.func.count()).select_from(n.outbox)
        return await store.read(lambda conn: int(conn.execute(count).scalar_one()))
    finally:
        await store.close()
