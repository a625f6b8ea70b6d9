"""Queues on a coordinator without duties: nothing but wake-ups brings a waiting poll its job."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN
from tenure.domain.errors import InvalidInput
from tenure.wire import leases
from tenure.wire.base import validate
from tenure.wire.queues import QueueEdit
from tests.coordinator.scenes import finish, lease, register, submit

pytestmark = pytest.mark.anyio

PATIENCE = 20.0


async def limit(coordinator: Coordinator, **told: object) -> None:
    await coordinator.queueing.edit("default", validate(QueueEdit, told), LOCAL_ADMIN, None)


async def woken(
    coordinator: Coordinator, worker: str, act: Callable[[], Awaitable[object]]
) -> list[leases.Lease]:
    """What a poll gets that waits when `act` happens."""
    asked = leases.Acquire(
        worker_id=worker, queues=["default"], types=["echo"], slots=1, wait_seconds=PATIENCE * 2
    )
    polling = asyncio.create_task(coordinator.leasing.acquire(asked))
    async with asyncio.timeout(PATIENCE):
        while not coordinator.wakeups.waiting_workers():
            await asyncio.sleep(0.001)
        await act()
        return list((await polling).leases)


async def test_a_slot_that_is_free_again_goes_to_who_waits(coordinator: Coordinator) -> None:
    await limit(coordinator, max_running=1)
    first, second = await submit(coordinator, 2)
    worker = await register(coordinator)
    held = await lease(coordinator, worker)
    assert held.job_id == first
    [found] = await woken(coordinator, worker, lambda: finish(coordinator, worker, held))
    assert found.job_id == second


@pytest.mark.parametrize("change", ["raised", "taken away", "resumed"])
async def test_a_queue_that_opens_wakes_who_waits(coordinator: Coordinator, change: str) -> None:
    queueing = coordinator.queueing
    await limit(coordinator, max_running=1)
    await submit(coordinator, 2)
    worker = await register(coordinator)
    if change == "resumed":
        await queueing.pause("default", LOCAL_ADMIN, "a while")
        [found] = await woken(coordinator, worker, lambda: queueing.resume("default", LOCAL_ADMIN))
    else:
        await lease(coordinator, worker)
        more = 2 if change == "raised" else None
        [found] = await woken(coordinator, worker, lambda: limit(coordinator, max_running=more))
    assert found.queue == "default"


async def test_a_token_that_comes_wakes_who_waits(coordinator: Coordinator) -> None:
    await limit(coordinator, rate={"count": 1, "per_seconds": 0.2})
    await submit(coordinator, 3)
    worker = await register(coordinator)
    began = coordinator.clock.monotonic()
    await lease(coordinator, worker)
    for _ in range(2):
        await woken(coordinator, worker, lambda: asyncio.sleep(0))
    assert coordinator.clock.monotonic() - began > 350_000


async def test_names_that_are_none(coordinator: Coordinator) -> None:
    for name in ("", "a b", "x" * 201):
        with pytest.raises(InvalidInput):
            await coordinator.queueing.get(name, LOCAL_ADMIN)
