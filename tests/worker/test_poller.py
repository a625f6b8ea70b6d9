from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from tenure.wire.leases import Lease, ReleaseItem
from tenure.worker.executor import Ending, Executor
from tenure.worker.holding import Holding, Run
from tenure.worker.intake import Intake
from tenure.worker.invocation import Invocation
from tenure.worker.poller import Poller
from tenure.worker.registry import Registry, handler
from tests.worker.protocol import TERMS, Protocol, problem
from tests.worker.scenes import Heard, lease, until

pytestmark = pytest.mark.anyio


class Floor:
    """A poller at work: what it started, released and was told."""

    def __init__(self, slots: int) -> None:
        self.gate = asyncio.Event()
        self.holding = Holding(slots)
        self.ended: list[tuple[Run, Ending]] = []
        self.released: list[ReleaseItem] = []
        self.drains = 0

    def on_end(self, run: Run, ending: Ending) -> None:
        self.ended.append((run, ending))
        self.holding.drop(run)

    def drain(self) -> None:
        self.drains += 1


@asynccontextmanager
async def floor(scripted: Protocol, slots: int = 4) -> AsyncIterator[Floor]:
    made = Floor(slots)

    @handler("work")
    async def work(payload: Any) -> None:
        await made.gate.wait()

    registry = Registry()
    registry.add(work)
    leasing, membership = await scripted.joined()
    executor = Executor(made.holding, made.on_end)
    intake = Intake(
        membership,
        made.holding,
        executor,
        queues=["default"],
        invocations={item.name: Invocation(item) for item in registry},
        watcher=Heard(),
        release=made.released.extend,
        drain=made.drain,
    )
    poller = Poller(leasing, membership, made.holding, intake)
    task = asyncio.ensure_future(poller.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await executor.close()
        await leasing.aclose()


def _given(*leases: Lease, **more: Any) -> tuple[int, Any]:
    encoded = msgspec.to_builtins([msgspec.json.decode(msgspec.json.encode(x)) for x in leases])
    return 200, {"leases": encoded, "waited_seconds": 0.0} | more


def _script(scripted: Protocol, *answers: tuple[int, Any]) -> None:
    left = list(answers)

    def acquire(body: Any) -> tuple[int, Any]:
        if left:
            return left.pop(0)
        time.sleep(0.05)
        return 200, {"leases": [], "waited_seconds": 0.05}

    scripted.answers["acquire"] = acquire


async def test_it_asks_for_exactly_the_free_slots(scripted: Protocol) -> None:
    _script(scripted, _given(lease(), lease(), lease()))
    async with floor(scripted) as made:
        await until(lambda: len(scripted.asked["acquire"]) >= 2)
        assert [body["slots"] for body in scripted.asked["acquire"][:2]] == [4, 1]
        assert scripted.asked["acquire"][0]["queues"] == ["default"]
        assert scripted.asked["acquire"][0]["types"] == ["work"]
        assert scripted.asked["acquire"][0]["wait_seconds"] == TERMS["poll_seconds"]
        made.gate.set()
        await until(lambda: made.holding.free == 4)
        await until(lambda: scripted.asked["acquire"][-1]["slots"] == 4)


async def test_a_full_worker_polls_for_no_slots_and_hears_cancels(scripted: Protocol) -> None:
    item = lease()
    cancel = {"job_id": item.job_id, "fence": 1, "reason": "no", "grace_seconds": 1}
    _script(scripted, _given(item), _given(cancel=[cancel]))
    async with floor(scripted, slots=1) as made:
        await until(lambda: len(made.ended) == 1)
        assert [body["slots"] for body in scripted.asked["acquire"][:2]] == [1, 0]
        ending = made.ended[0][1]
        assert ending is not None
        assert getattr(ending, "outcome", None) == "cancelled"


async def test_an_answer_that_is_read_late_starts_nothing(scripted: Protocol) -> None:
    item, blocked = lease(), threading.Event()

    def acquire(body: Any) -> tuple[int, Any]:
        if len(scripted.asked["acquire"]) > 1:
            return _given()
        blocked.wait(5)
        return _given(item)

    scripted.answers["acquire"] = acquire
    async with floor(scripted) as made:
        await until(lambda: scripted.asked["acquire"])
        blocked.set()
        time.sleep(TERMS["heartbeat_seconds"] * 0.6)  # the answer comes while the loop is blocked
        await until(lambda: made.released)
        assert made.released == [ReleaseItem(job_id=item.job_id, fence=1, started=False)]
        assert not made.holding.runs


async def test_time_the_coordinator_waited_is_not_lateness(scripted: Protocol) -> None:
    item, waited = lease(), TERMS["heartbeat_seconds"] * 0.7

    def acquire(body: Any) -> tuple[int, Any]:
        if len(scripted.asked["acquire"]) > 1:
            return _given()
        time.sleep(waited)
        return _given(item, waited_seconds=waited)

    scripted.answers["acquire"] = acquire
    async with floor(scripted) as made:
        began = time.monotonic()
        await until(lambda: made.holding.runs)
        (run,) = made.holding.runs.values()
        assert made.released == []
        trusted_from = run.grant.trust.trusted_until - item.lease_seconds
        assert began + waited - 0.2 < trusted_from <= time.monotonic()


async def test_a_type_nobody_asked_for_is_given_back(scripted: Protocol) -> None:
    stranger, known = lease("stranger"), lease()
    _script(scripted, _given(stranger, known))
    async with floor(scripted) as made:
        await until(lambda: made.released)
        assert [item.job_id for item in made.released] == [stranger.job_id]
        assert list(made.holding.runs) == [(known.job_id, 1)]


async def test_drain_is_passed_on(scripted: Protocol) -> None:
    _script(scripted, _given(drain=True))
    async with floor(scripted) as made:
        await until(lambda: made.drains == 1)


async def test_empty_answers_do_not_make_it_spin(scripted: Protocol) -> None:
    _script(scripted, *[(200, {"leases": [], "waited_seconds": 0.0})] * 1_000)
    async with floor(scripted):
        await asyncio.sleep(0.5)
        assert len(scripted.asked["acquire"]) <= 4


async def test_it_goes_on_after_errors_and_registers_again_when_forgotten(
    scripted: Protocol,
) -> None:
    _script(
        scripted,
        problem(503, "unavailable"),
        problem(404, "worker_unknown"),
        _given(lease()),
    )
    async with floor(scripted) as made:
        await until(lambda: made.holding.runs)
        assert scripted.registrations == 2
        assert scripted.asked["acquire"][-1]["worker_id"] == "worker-2"


async def test_under_load_it_asks_for_a_quarter_at_least(scripted: Protocol) -> None:
    items = [lease() for _ in range(40)]
    _script(scripted, _given(*items))
    async with floor(scripted, slots=40) as made:
        await until(lambda: len(made.holding.runs) == 40)
        runs = list(made.holding.runs.values())
        asked = len(scripted.asked["acquire"])
        made.holding.reporting = 20
        for run in runs[:20]:
            made.holding.settle([run])
            await asyncio.sleep(0)
        await until(lambda: any(b["slots"] for b in scripted.asked["acquire"][asked:]))
        slots = [body["slots"] for body in scripted.asked["acquire"][asked:] if body["slots"]]
        assert slots[0] >= 10
        made.gate.set()
