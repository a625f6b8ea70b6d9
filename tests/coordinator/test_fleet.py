"""The fleet on a running coordinator, on both databases."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN
from tenure.domain.errors import InvalidInput, WorkerNotFound, WorkerUnknown
from tenure.domain.ids import is_id
from tenure.wire.base import validate
from tenure.wire.leases import Acquire, Heartbeat
from tenure.wire.workers import Registered, RegisterIn
from tests.coordinator.scenes import lease, register, submit

pytestmark = pytest.mark.anyio

NOBODY = "0193474a-0000-7000-8000-0000000000ff"


async def joined(coordinator: Coordinator, **asked: Any) -> Registered:
    values = {"name": "w", "types": [{"name": "echo"}]} | asked
    return await coordinator.fleet.register(validate(RegisterIn, values), LOCAL_ADMIN)


async def test_registration_tells_the_terms_and_a_secret(coordinator: Coordinator) -> None:
    first, second = await joined(coordinator), await joined(coordinator)
    assert is_id(first.worker_id)
    assert first.worker_id < second.worker_id
    assert (first.lease_seconds, first.heartbeat_seconds, first.poll_seconds) == (30, 10, 30)
    assert first.session_token.startswith("ws_")
    assert len(first.session_token) >= 3 + 43
    assert first.session_token != second.session_token


async def test_a_worker_as_others_see_it(coordinator: Coordinator) -> None:
    asked = {
        "name": "Ünna", "hostname": "h", "pid": 12, "version": "1.2", "queues": ["a", "b", "a"],
        "types": [{"name": "echo", "schema": {"type": "object"}}, {"name": "other"}],
        "slots": 3, "labels": {"zone": "x"},
    }  # fmt: skip
    worker_id = (await joined(coordinator, **asked)).worker_id
    worker = await coordinator.fleet.get(worker_id)
    assert (worker.id, worker.name, worker.hostname, worker.pid) == (worker_id, "Ünna", "h", 12)
    assert (worker.version, worker.state, worker.slots, worker.running) == ("1.2", "online", 3, 0)
    assert (worker.queues, worker.types) == (["a", "b"], ["echo", "other"])
    assert worker.labels == {"zone": "x"}
    assert worker.registered_at == worker.last_seen_at


async def test_the_list_goes_page_by_page(coordinator: Coordinator) -> None:
    ids = [await register(coordinator) for _ in range(3)]
    await submit(coordinator, 2)
    await lease(coordinator, ids[1])
    page = await coordinator.fleet.list()
    assert [(worker.id, worker.running) for worker in page.items] == [
        (ids[2], 0), (ids[1], 1), (ids[0], 0),
    ]  # fmt: skip
    assert page.next is None
    first = await coordinator.fleet.list(limit=2)
    assert ([worker.id for worker in first.items], first.next) == (ids[:0:-1], ids[1])
    rest = await coordinator.fleet.list(after=first.next, limit=2)
    assert ([worker.id for worker in rest.items], rest.next) == (ids[:1], None)


async def test_drain_reaches_the_worker(coordinator: Coordinator) -> None:
    worker_id = await register(coordinator)
    await submit(coordinator, 1)
    assert (await coordinator.fleet.drain(worker_id, LOCAL_ADMIN)).id == worker_id
    asked = Acquire(
        worker_id=worker_id, queues=["default"], types=["echo"], slots=1, wait_seconds=20.0
    )
    acquired = await coordinator.leasing.acquire(asked)
    assert (acquired.drain, acquired.leases) == (True, [])
    told = await coordinator.leasing.heartbeat(worker_id, Heartbeat(leases=[], draining=True))
    assert told.drain
    assert (await coordinator.fleet.get(worker_id)).state == "draining"


async def test_who_left_is_unknown_to_the_lease_protocol(coordinator: Coordinator) -> None:
    worker_id, other = await register(coordinator), await register(coordinator)
    [job_id] = await submit(coordinator, 1)
    await lease(coordinator, worker_id)
    assert await coordinator.fleet.goodbye(worker_id) == 1
    assert await coordinator.fleet.goodbye(worker_id) == 0
    assert (await coordinator.fleet.get(worker_id)).state == "gone"
    with pytest.raises(WorkerUnknown):
        await coordinator.leasing.heartbeat(worker_id, Heartbeat(leases=[]))
    with pytest.raises(WorkerNotFound):
        await coordinator.fleet.drain(worker_id, LOCAL_ADMIN)
    again = await lease(coordinator, other)
    assert (again.job_id, again.fence, again.attempt) == (job_id, 2, 1)


@pytest.mark.parametrize("worker_id", [NOBODY, "", "x" * 5_000, "\x00", NOBODY.upper()])
async def test_unknown_workers_are_not_found(coordinator: Coordinator, worker_id: str) -> None:
    fleet = coordinator.fleet
    for ask in (fleet.get, partial(fleet.drain, principal=LOCAL_ADMIN), fleet.goodbye):
        with pytest.raises(WorkerNotFound) as caught:
            await ask(worker_id)
        assert len(caught.value.detail) < 100


async def test_a_page_after_no_id_is_refused(coordinator: Coordinator) -> None:
    with pytest.raises(InvalidInput) as caught:
        await coordinator.fleet.list(after="x")
    assert caught.value.errors[0].pointer == "/after"
