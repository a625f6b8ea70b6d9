"""How the parts of a coordinator hang together."""

from __future__ import annotations

import asyncio
from time import perf_counter

import pytest

from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN
from tenure.domain.errors import InvalidInput, JobNotFound, TooLarge, Unavailable
from tenure.settings import Settings
from tenure.store.unit import Unit
from tests.coordinator.scenes import finish, lease, register, submit

pytestmark = pytest.mark.anyio


async def test_waiting_ends_with_the_job(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1)
    worker_id = await register(coordinator)
    found = await lease(coordinator, worker_id)
    waiting = asyncio.create_task(coordinator.wait(job_id, LOCAL_ADMIN, 20))
    await asyncio.sleep(0.02)
    began = perf_counter()
    await finish(coordinator, worker_id, found)
    assert (await waiting).status == "completed"
    assert perf_counter() - began < 0.5
    assert (await coordinator.wait(job_id, LOCAL_ADMIN, 20)).status == "completed"


async def test_waiting_sees_an_end_that_another_wrote(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1)
    coordinator.wakeups.ended = lambda job_ids: None  # type: ignore[method-assign]
    waiting = asyncio.create_task(coordinator.wait(job_id, LOCAL_ADMIN, 20))
    await asyncio.sleep(0.02)
    await coordinator.control.cancel(job_id, LOCAL_ADMIN)
    assert (await asyncio.wait_for(waiting, 5)).status == "cancelled"


async def test_waiting_ends_by_itself_and_when_all_stops(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1)
    assert (await coordinator.wait(job_id, LOCAL_ADMIN, 0.02)).status == "pending"
    waiting = asyncio.create_task(coordinator.wait(job_id, LOCAL_ADMIN, 20))
    await asyncio.sleep(0.02)
    coordinator.wakeups.stop()
    assert (await asyncio.wait_for(waiting, 0.9)).status == "pending"
    with pytest.raises(JobNotFound):
        await coordinator.wait("x" * 36, LOCAL_ADMIN, 5)


async def test_every_commit_is_told(coordinator: Coordinator) -> None:
    units: list[Unit] = []
    coordinator.on_commit(units.append)
    await submit(coordinator, 3)
    assert [dict(unit.ready) for unit in units] == [{("default", "echo"): 3}]


async def test_an_edit_takes_payload_bytes_as_they_are(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1)
    job = await coordinator.edit(job_id, b'{"payload": 1.10, "priority": 3}', LOCAL_ADMIN, None)
    assert (bytes(job.payload), job.priority, job.version) == (b"1.10", 3, 2)
    for body, error in ((b"{}", InvalidInput), (b'{"status":1}', InvalidInput),
                        (b'{"priority":' + b"9" * 5000 + b"}", InvalidInput),
                        (b'{"payload":"' + b"x" * 300_000 + b'"}', TooLarge)):  # fmt: skip
        with pytest.raises(error):
            await coordinator.edit(job_id, body, LOCAL_ADMIN, None)


async def test_words_of_other_coordinators_wake_polls(coordinator: Coordinator) -> None:
    coordinator.count_coordinators(2)
    assert coordinator.committer.peers
    coordinator.count_coordinators(1)
    assert not coordinator.committer.peers


async def test_two_coordinators_on_one_postgres_wake_each_other(
    store_kind: str, database_url: str, coordinator: Coordinator
) -> None:
    if store_kind == "sqlite":
        assert coordinator.store.writers == 1  # one coordinator a file: nobody to tell
        return
    other = Coordinator(Settings(database_url=database_url))
    await other.start()
    for one in (coordinator, other):
        one.count_coordinators(2)
    worker_id = await register(other)
    leasing = asyncio.create_task(_waiting_lease(other, worker_id))
    while worker_id not in other.wakeups.waiting_workers():
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.1)  # the listening connection stands
    [job_id] = await submit(coordinator, 1)
    assert await asyncio.wait_for(leasing, 4) == [job_id]
    await other.stop()


async def _waiting_lease(coordinator: Coordinator, worker_id: str) -> list[str]:
    from tenure.wire.leases import Acquire

    asked = Acquire(
        worker_id=worker_id, queues=["default"], types=["echo"], slots=1, wait_seconds=20
    )
    return [found.job_id for found in (await coordinator.leasing.acquire(asked)).leases]


async def test_stopping_twice_is_legal_and_what_comes_later_is_refused(
    coordinator: Coordinator,
) -> None:
    await submit(coordinator, 1)
    await coordinator.stop()
    await coordinator.stop()
    with pytest.raises(Unavailable):
        await submit(coordinator, 1)
