"""Short scenes on a running coordinator."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN
from tenure.wire import leases
from tenure.wire.base import validate
from tenure.wire.workers import RegisterIn


async def submit(coordinator: Coordinator, count: int, **job: Any) -> list[str]:
    """Submit `count` jobs of type `echo` unless told otherwise; their ids."""
    body = json.dumps([{"type": "echo", "payload": n} | job for n in range(count)])
    receipt = await coordinator.submission.many(body.encode(), LOCAL_ADMIN)
    return [item["id"] for item in json.loads(receipt.body)["items"]]


async def register(
    coordinator: Coordinator, slots: int = 10, queues: tuple[str, ...] = ("default",)
) -> str:
    """A worker of types `echo` and `other`; its id."""
    asked = {"name": "w", "queues": queues, "types": [{"name": "echo"}, {"name": "other"}]}
    registered = await coordinator.fleet.register(
        validate(RegisterIn, asked | {"slots": slots}), LOCAL_ADMIN
    )
    return registered.worker_id


async def lease(coordinator: Coordinator, worker_id: str) -> leases.Lease:
    """The next job of queue `default`, leased to the worker."""
    asked = leases.Acquire(
        worker_id=worker_id, queues=["default"], types=["echo", "other"], slots=1
    )
    [found] = (await coordinator.leasing.acquire(asked)).leases
    return found


async def finish(
    coordinator: Coordinator, worker_id: str, found: leases.Lease, **told: Any
) -> None:
    """Report a lease, completed unless told otherwise."""
    values = {"outcome": "completed", "result": msgspec.Raw(b"1.10")} | told
    report = leases.CompleteOne(worker_id=worker_id, fence=found.fence, **values)
    await coordinator.complete_one(found.job_id, report)
