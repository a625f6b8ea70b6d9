from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from tenure.domain.lease import Trust
from tenure.wire.leases import ABSENT
from tenure.worker.holding import Grant, Holding, Run, Stop
from tenure.worker.invocation import Invocation
from tenure.worker.registry import Registry, handler
from tests.worker.scenes import Heard, grant, lease

pytestmark = pytest.mark.anyio


@handler("work")
async def work(payload: object) -> None: ...


class Kid:
    """A child process that counts its kills."""

    def __init__(self) -> None:
        self.kills = 0

    def stop(self, grace_seconds: float, *, gently: bool) -> None:
        raise AssertionError("nobody asks it to")

    def kill(self) -> None:
        self.kills += 1


def _run() -> Run:
    registry = Registry()
    registry.add(work)
    (found,) = registry
    return Run(lease(), Invocation(found), grant(), Heard())


def test_a_stop_outranks_weaker_ones_only() -> None:
    run = _run()
    order = [Stop.RELEASE, Stop.CANCEL, Stop.TIMEOUT, Stop.UNTRUSTED, Stop.LOST]
    for stop in order:
        assert run.ask_stop(stop)
        assert not run.ask_stop(stop)
        assert run.stop is stop
    assert not run.ask_stop(Stop.RELEASE)
    assert run.cancelled


def test_a_child_is_killed_as_soon_as_its_lease_is_gone() -> None:
    run, kid = _run(), Kid()
    run.child = kid
    run.ask_stop(Stop.CANCEL)
    assert kid.kills == 0
    run.ask_stop(Stop.LOST)
    assert kid.kills == 1


def test_notes_are_listed_until_they_were_told() -> None:
    run = _run()
    held, revision = run.held()
    assert (held.job_id, held.progress, held.checkpoint, revision) == (
        run.lease.job_id, None, ABSENT, 0,
    )  # fmt: skip
    run.note_progress(0.5, "x")
    run.note_checkpoint(b"[1]")
    held, revision = run.held()
    assert held.progress is not None
    assert (held.progress.fraction, held.progress.message, revision) == (0.5, "x", 2)
    assert isinstance(held.checkpoint, msgspec.Raw)
    assert run.notes is not None
    run.notes.told = revision
    run.note_progress(0.6, None)
    assert run.held()[1] == 3


def test_a_grant_is_renewed_only_after_half_a_heartbeat() -> None:
    granted = Grant(Trust.granted(30, 100.0, 0.0), 100.1)
    granted.renew(104.0, 104.1, 10.0)
    assert granted.trust.trusted_until == 130.0
    granted.renew(106.0, 106.5, 10.0)
    assert (granted.trust.trusted_until, granted.renewed_at) == (136.0, 106.5)
    granted.renew(111.0, 111.1, 10.0)
    assert granted.trust.trusted_until == 136.0


async def test_slots_are_free_when_dropped_unless_their_handler_is_stuck() -> None:
    holding, runs = Holding(3), [_run(), _run()]
    for run in runs:
        holding.runs[run.key] = run
    assert holding.free == 1
    holding.strand(runs[0])
    holding.strand(runs[0])
    holding.reporting = 2
    holding.settle(runs)
    assert holding.reporting == 0
    assert (holding.free, holding.stuck) == (2, 1)
    holding.unstrand(runs[0])
    holding.unstrand(runs[0])
    assert (holding.free, holding.stuck) == (3, 0)


async def test_waiting_ends_when_a_slot_is_free_or_time_is_up() -> None:
    holding, run = Holding(1), _run()
    holding.runs[run.key] = run
    assert not await holding.wait(lambda: holding.free > 0, 0.02)
    asyncio.get_running_loop().call_later(0.02, holding.drop, run)
    began = time.monotonic()
    assert await holding.wait(lambda: holding.free > 0, 5)
    assert time.monotonic() - began < 1


async def test_several_may_wait_at_the_same_time() -> None:
    holding, run = Holding(1), _run()
    holding.runs[run.key] = run
    waits = [asyncio.ensure_future(holding.wait(lambda: holding.free > 0)) for _ in range(3)]
    await asyncio.sleep(0)
    holding.drop(run)
    assert await asyncio.gather(*waits) == [True] * 3
