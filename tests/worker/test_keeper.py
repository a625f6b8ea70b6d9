from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tenure.client.leasing import Session
from tenure.domain.lease import Trust
from tenure.worker.holding import Grant, Holding, Run, Stop
from tenure.worker.invocation import Invocation
from tenure.worker.keeper import Keeper, Orders
from tenure.worker.registry import Registry, handler
from tests.worker.protocol import Protocol, problem
from tests.worker.scenes import Heard, grant, lease, until

pytestmark = pytest.mark.anyio


@handler("work")
async def work(payload: Any) -> None: ...


@handler("alone", exclusive=True)
async def alone(payload: Any) -> None: ...


class Watch:
    """A keeper and what it asked of the rest of the worker."""

    def __init__(self, scripted: Protocol, heartbeat: float, lease_seconds: float) -> None:
        self.session = Session("worker-1", "secret", lease_seconds, heartbeat, 1.0)
        self.holding = Holding(10)
        self.enforced: list[tuple[Run, float | None]] = []
        self.drained = threading.Event()
        self.forgotten: list[Session] = []
        self.draining = False
        registry = Registry()
        registry.add(work)
        registry.add(alone)
        self._invocations = {item.name: Invocation(item) for item in registry}
        self.keeper = Keeper(
            scripted.blocking(),
            self.holding,
            Orders(
                session=lambda: self.session,
                draining=lambda: self.draining,
                enforce=lambda run, grace: self.enforced.append((run, grace)),
                drain=self.drained.set,
                forgotten=self._forget,
            ),
        )

    def _forget(self, session: Session) -> None:
        self.forgotten.append(session)
        self.session = Session(
            "worker-2", "t", session.lease_seconds, session.heartbeat_seconds, 1.0
        )

    def hold(self, type_: str = "work", granted: Grant | None = None) -> Run:
        watcher = Heard()
        run = Run(lease(type_), self._invocations[type_], granted or grant(), watcher)
        self.holding.runs[run.key] = run
        return run


@asynccontextmanager
async def watch(
    scripted: Protocol, heartbeat: float = 0.1, lease_seconds: float = 0.3
) -> AsyncIterator[Watch]:
    made = Watch(scripted, heartbeat, lease_seconds)
    made.keeper.start()
    try:
        yield made
    finally:
        made.keeper.close()
        made.keeper.join(5)


def _beats(scripted: Protocol) -> list[Any]:
    return scripted.asked["heartbeat"]


async def test_every_heartbeat_lists_all_leases(scripted: Protocol) -> None:
    async with watch(scripted) as made:
        runs = [made.hold() for _ in range(3)]
        await until(lambda: len(_beats(scripted)) >= 4)
        assert {lease["job_id"] for lease in _beats(scripted)[-1]["leases"]} == {
            run.lease.job_id for run in runs
        }
        assert _beats(scripted)[-1]["slots_free"] == 7


async def test_heartbeats_keep_their_pace(scripted: Protocol) -> None:
    async with watch(scripted, heartbeat=0.1):
        began = time.monotonic()
        await until(lambda: len(_beats(scripted)) >= 5)
        assert 0.35 <= time.monotonic() - began < 2


async def test_lost_leases_are_stopped(scripted: Protocol) -> None:
    async with watch(scripted) as made:
        run, other = made.hold(), made.hold()
        scripted.answers["heartbeat"] = lambda _: (
            200,
            {"lost": [{"job_id": run.lease.job_id, "fence": 1}]},
        )
        await until(lambda: made.enforced)
        assert made.enforced == [(run, None)]
        assert (run.stop, run.cancelled) == (Stop.LOST, True)
        assert other.stop is None


async def test_cancel_brings_its_grace(scripted: Protocol) -> None:
    async with watch(scripted) as made:
        run = made.hold()
        request = {"job_id": run.lease.job_id, "fence": 1, "reason": "x", "grace_seconds": 2.5}
        stranger = {"job_id": "unknown", "fence": 1, "reason": None, "grace_seconds": 1}
        scripted.answers["heartbeat"] = lambda _: (200, {"cancel": [stranger, request]})
        await until(lambda: made.enforced)
        await until(lambda: len(_beats(scripted)) > 3)
        assert made.enforced == [(run, 2.5)]
        assert run.stop is Stop.CANCEL


async def test_drain_is_passed_on_and_told(scripted: Protocol) -> None:
    scripted.answers["heartbeat"] = lambda _: (200, {"drain": True})
    async with watch(scripted) as made:
        await until(made.drained.is_set)
        made.draining = True
        await until(lambda: _beats(scripted)[-1].get("draining"))


async def test_progress_and_checkpoint_travel_once(scripted: Protocol) -> None:
    async with watch(scripted, heartbeat=0.1) as made:
        run = made.hold()
        run.note_progress(0.5, "half")
        run.note_checkpoint(b'{"page":3}')
        await until(
            lambda: any("progress" in b["leases"][0] for b in _beats(scripted) if b["leases"])
        )
        told = [b["leases"][0] for b in _beats(scripted) if b["leases"]]
        first = next(item for item in told if "progress" in item)
        assert first["progress"] == {"fraction": 0.5, "message": "half"}
        assert first["checkpoint"] == {"page": 3}
        count = len(_beats(scripted))
        await until(lambda: len(_beats(scripted)) >= count + 2)
        assert "progress" not in _beats(scripted)[-1]["leases"][0]
        run.note_progress(0.75, None)
        await until(lambda: "progress" in _beats(scripted)[-1]["leases"][0])


async def test_a_nudge_brings_an_earlier_heartbeat_but_not_many(scripted: Protocol) -> None:
    async with watch(scripted, heartbeat=60, lease_seconds=180) as made:
        await until(lambda: len(_beats(scripted)) == 1)
        began = time.monotonic()
        for _ in range(20):
            made.keeper.nudge()
        await until(lambda: len(_beats(scripted)) == 2)
        assert 0.8 < time.monotonic() - began < 2


async def test_what_was_not_answered_is_told_again(scripted: Protocol) -> None:
    async with watch(scripted) as made:
        scripted.answers["heartbeat"] = lambda _: problem(503, "unavailable")
        run = made.hold()
        run.note_progress(0.5, None)
        await until(lambda: any(b["leases"] for b in _beats(scripted)))
        del scripted.answers["heartbeat"]
        count = len(_beats(scripted))
        await until(lambda: len(_beats(scripted)) >= count + 1)
        assert "progress" in _beats(scripted)[count]["leases"][0]


async def test_trust_is_renewed_from_the_time_of_sending(scripted: Protocol) -> None:
    async with watch(scripted, heartbeat=0.1, lease_seconds=3) as made:
        now = time.monotonic()
        old = Grant(Trust.granted(3, now - 2, 0), now - 2)
        young = Grant(Trust.granted(3, now + 10, 0), now + 10)
        made.hold(granted=old)
        made.hold(granted=young)
        until_before = young.trust.trusted_until
        await until(lambda: old.trust.trusted_until > now + 2.5)
        assert old.trust.trusted_until <= time.monotonic() + 3
        assert young.trust.trusted_until == until_before


async def test_an_exclusive_run_is_stopped_when_nothing_renews_it(scripted: Protocol) -> None:
    scripted.answers["heartbeat"] = lambda _: problem(503, "unavailable")
    async with watch(scripted, heartbeat=0.1, lease_seconds=0.3) as made:
        granted = grant(0.3)
        run, other = made.hold("alone", granted), made.hold("work", granted)
        began = time.monotonic()
        await until(lambda: made.enforced)
        assert 0.2 < time.monotonic() - began < 0.6
        assert run.stop is Stop.UNTRUSTED
        assert other.stop is None


async def test_a_coordinator_that_hangs_does_not_keep_an_exclusive_run(scripted: Protocol) -> None:
    gate = threading.Event()

    def hang(body: Any) -> tuple[int, Any]:
        if body.get("leases"):
            gate.wait(5)
        return 200, {}

    scripted.answers["heartbeat"] = hang
    async with watch(scripted, heartbeat=0.3, lease_seconds=0.6) as made:
        began = time.monotonic()
        run = made.hold("alone", grant(0.6))
        await until(lambda: run.stop is Stop.UNTRUSTED)
        assert time.monotonic() - began < 1
        gate.set()


async def test_a_forgotten_session_is_told_and_the_new_one_used(scripted: Protocol) -> None:
    scripted.answers["heartbeat"] = lambda _: (
        problem(404, "worker_unknown") if len(_beats(scripted)) == 1 else (200, {})
    )
    async with watch(scripted) as made:
        await until(lambda: len(_beats(scripted)) >= 2)
        assert [session.worker_id for session in made.forgotten] == ["worker-1"]
