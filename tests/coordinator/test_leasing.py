"""The lease protocol as use cases."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN
from tenure.domain.errors import InvalidInput, TooLarge, WorkerUnknown
from tenure.wire import leases
from tests.builders import WORKER
from tests.coordinator.scenes import lease, register, submit

pytestmark = pytest.mark.anyio


def ask(worker_id: str, slots: int = 1, wait: float = 0.0) -> leases.Acquire:
    return leases.Acquire(
        worker_id=worker_id, queues=["default"], types=["echo"], slots=slots, wait_seconds=wait
    )


async def _status(coordinator: Coordinator, job_id: str) -> tuple[str, int]:
    job = await coordinator.control.get(job_id, LOCAL_ADMIN)
    return job.status, job.attempt


async def test_a_caller_gone_by_the_time_of_the_claim_keeps_nothing(
    coordinator: Coordinator,
) -> None:
    [job_id] = await submit(coordinator, 1)
    worker_id = await register(coordinator)
    answer = await coordinator.leasing.acquire(ask(worker_id, wait=5), lambda: True)
    assert answer.leases == []
    assert await _status(coordinator, job_id) == ("pending", 0)


async def test_a_cancelled_poll_leaves_nothing_behind(coordinator: Coordinator) -> None:
    worker_id = await register(coordinator)
    polling = asyncio.create_task(coordinator.leasing.acquire(ask(worker_id, wait=20)))
    while worker_id not in coordinator.wakeups.waiting_workers():
        await asyncio.sleep(0.001)
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    assert coordinator.wakeups.waiting_lanes() == []
    [job_id] = await submit(coordinator, 1)
    assert await _status(coordinator, job_id) == ("pending", 0)


async def test_a_job_that_comes_beside_the_claim_is_not_missed(coordinator: Coordinator) -> None:
    """The claim has looked and found nothing; the job is committed before the poll waits."""
    worker_id = await register(coordinator)
    claim = coordinator.committer.claim
    submitted: list[str] = []

    async def claim_then_submit(item: Any) -> Any:
        claimed = await claim(item)
        if not submitted:
            submitted.extend(await submit(coordinator, 1))
        return claimed

    coordinator.committer.claim = claim_then_submit  # type: ignore[method-assign]
    answer = await asyncio.wait_for(coordinator.leasing.acquire(ask(worker_id, wait=20)), 4)
    assert [found.job_id for found in answer.leases] == submitted


async def test_look_again_finds_what_nobody_told(coordinator: Coordinator) -> None:
    worker_id = await register(coordinator)
    polling = asyncio.create_task(coordinator.leasing.acquire(ask(worker_id, wait=20)))
    while worker_id not in coordinator.wakeups.waiting_workers():
        await asyncio.sleep(0.001)
    ready = coordinator.wakeups.ready
    coordinator.wakeups.ready = lambda *_: None  # type: ignore[method-assign]
    [job_id] = await submit(coordinator, 1)
    coordinator.wakeups.ready = ready  # type: ignore[method-assign]
    await asyncio.sleep(0.01)
    assert not polling.done()
    await coordinator.leasing.look_again()
    assert [found.job_id for found in (await polling).leases] == [job_id]


async def test_a_poll_tells_each_cancel_once_and_a_heartbeat_every_time(
    coordinator: Coordinator,
) -> None:
    [job_id] = await submit(coordinator, 1)
    worker_id = await register(coordinator)
    found = await lease(coordinator, worker_id)
    await coordinator.control.cancel(job_id, LOCAL_ADMIN, "r")
    told = await coordinator.leasing.acquire(ask(worker_id, 0, 5))
    assert [(item.job_id, item.reason) for item in told.cancel] == [(job_id, "r")]
    assert (await coordinator.leasing.acquire(ask(worker_id, 0))).cancel == []
    held = [leases.HeldLease(job_id=job_id, fence=found.fence)]
    for _ in range(2):
        beaten = await coordinator.leasing.heartbeat(worker_id, leases.Heartbeat(leases=held))
        assert [item.job_id for item in beaten.cancel] == [job_id]


async def test_a_stopping_coordinator_answers_its_polls(coordinator: Coordinator) -> None:
    worker_id = await register(coordinator)
    polling = asyncio.create_task(coordinator.leasing.acquire(ask(worker_id, wait=20)))
    while worker_id not in coordinator.wakeups.waiting_workers():
        await asyncio.sleep(0.001)
    coordinator.wakeups.stop()
    assert (await asyncio.wait_for(polling, 0.9)).leases == []


@pytest.mark.parametrize("wait", [-1.0, float("nan"), float("inf"), float("-inf")])
async def test_a_wait_that_is_none(coordinator: Coordinator, wait: float) -> None:
    with pytest.raises(InvalidInput):
        await coordinator.leasing.acquire(ask(WORKER, wait=wait))


async def test_strangers_register_first(coordinator: Coordinator) -> None:
    with pytest.raises(WorkerUnknown):
        await coordinator.leasing.acquire(ask(WORKER))
    with pytest.raises(WorkerUnknown):
        await coordinator.leasing.heartbeat(WORKER, leases.Heartbeat(leases=[]))


async def test_limits_of_what_a_worker_tells(coordinator: Coordinator) -> None:
    large = msgspec.Raw(b'"' + b"x" * 70_000 + b'"')
    held = leases.HeldLease(job_id=WORKER, fence=1, checkpoint=large)
    with pytest.raises(TooLarge):
        await coordinator.leasing.heartbeat(WORKER, leases.Heartbeat(leases=[held]))
    item = leases.ReportItem(job_id=WORKER, fence=1, outcome="completed")
    many = leases.CompleteMany(worker_id=WORKER, reports=[item] * 10_001)
    with pytest.raises(TooLarge):
        await coordinator.leasing.complete_many(many)


def _complete(worker_id: str, slots: int, *done: leases.Lease) -> leases.CompleteMany:
    reports = [
        leases.ReportItem(job_id=item.job_id, fence=item.fence, outcome="completed")
        for item in done
    ]
    wanted = leases.Wanted(queues=["default"], types=["echo"], slots=slots)
    return leases.CompleteMany(worker_id=worker_id, reports=reports, acquire=wanted)


async def test_reports_and_the_next_leases_share_a_request(coordinator: Coordinator) -> None:
    ids = await submit(coordinator, 3)
    worker_id = await register(coordinator, slots=2)
    first = (await coordinator.leasing.acquire(ask(worker_id, 2))).leases
    answer = await coordinator.leasing.complete_many(_complete(worker_id, 2, *first))
    assert [result.status for result in answer.results] == ["accepted", "accepted"]
    assert answer.acquired is not None
    assert [item.job_id for item in answer.acquired.leases] == ids[2:]


async def test_reports_stand_when_no_leases_can_be_had(coordinator: Coordinator) -> None:
    [job_id, _] = await submit(coordinator, 2)
    worker_id = await register(coordinator)
    first = (await coordinator.leasing.acquire(ask(worker_id))).leases
    body = _complete(worker_id, 1, *first)
    assert body.acquire is not None
    body.acquire.types = ["never_registered"]
    answer = await coordinator.leasing.complete_many(body)
    assert [result.status for result in answer.results] == ["accepted"]
    assert answer.acquired is None
    assert await _status(coordinator, job_id) == ("completed", 1)


async def test_a_reporter_that_has_gone_keeps_no_new_lease(coordinator: Coordinator) -> None:
    [_, job_id] = await submit(coordinator, 2)
    worker_id = await register(coordinator)
    first = (await coordinator.leasing.acquire(ask(worker_id))).leases
    await coordinator.leasing.complete_many(_complete(worker_id, 1, *first), lambda: True)
    assert await _status(coordinator, job_id) == ("pending", 0)


async def test_what_a_report_asks_for_is_checked_first(coordinator: Coordinator) -> None:
    await submit(coordinator, 1)
    worker_id = await register(coordinator)
    first = (await coordinator.leasing.acquire(ask(worker_id))).leases
    with pytest.raises(InvalidInput) as caught:
        await coordinator.leasing.complete_many(_complete(worker_id, 100_000, *first))
    assert caught.value.errors[0].pointer == "/acquire/slots"
    assert await _status(coordinator, first[0].job_id) == ("running", 1)
