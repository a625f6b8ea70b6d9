"""Reads, lists and actions on a running coordinator."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import msgspec
import pytest
from sqlalchemy.exc import DBAPIError

from tenure.coordinator import control as control_module
from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN, Principal, Role
from tenure.domain.errors import (
    IllegalTransition,
    InvalidInput,
    JobNotFound,
    LeaseLost,
    PreconditionFailed,
    RunNotFound,
    Unavailable,
    VersionConflict,
)
from tenure.settings import Settings
from tenure.store.unit import Unit
from tenure.wire.base import encode, validate
from tenure.wire.jobs import Job, JobEdit
from tenure.wire.leases import ErrorIn, LogLineIn, Logs
from tests.builders import WORKER
from tests.coordinator.scenes import finish, lease, register, submit
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

ANN = Principal(Role.ADMIN, "ann")


async def test_a_job_is_read_by_its_id_or_a_beginning_of_it(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1, name="n")
    for text in (job_id, job_id[:8], job_id[:20]):
        job = await coordinator.control.get(text, LOCAL_ADMIN)
        assert (job.id, job.name, job.status) == (job_id, "n", "pending")
    for text in ("x", job_id[:7], WORKER, "\x00" * 36, "z" * 500):
        with pytest.raises(JobNotFound):
            await coordinator.control.get(text, LOCAL_ADMIN)


async def test_actions_answer_with_the_job_as_it_then_is(coordinator: Coordinator) -> None:
    control = coordinator.control
    [job_id] = await submit(coordinator, 1)
    assert (await control.pause(job_id, ANN, "wait")).status == "paused"
    assert (await control.resume(job_id[:12], LOCAL_ADMIN)).status == "pending"
    assert (await control.cancel(job_id, ANN, "no")).status == "cancelled"
    assert (await control.retry(job_id, ANN)).status == "pending"
    with pytest.raises(IllegalTransition):
        await control.retry(job_id, ANN)
    told = [(e.event, e.actor, e.reason) for e in await control.events(job_id, ANN)]
    assert told == [
        ("pause", "ann", "wait"),
        ("resume", "local", None),
        ("cancel", "ann", "no"),
        ("retry", "ann", None),
    ]
    await control.delete(job_id, ANN)
    for gone in (control.get, control.cancel, control.runs, control.events, control.logs):
        with pytest.raises(JobNotFound):
            await gone(job_id, ANN)


async def test_a_running_job_is_cancelled_through_its_worker(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1)
    worker = await register(coordinator)
    found = await lease(coordinator, worker)
    job = await coordinator.control.cancel(job_id, LOCAL_ADMIN, "why")
    assert (job.status, job.cancel_requested, job.worker_id) == ("running", True, worker)
    await finish(coordinator, worker, found, outcome="cancelled")
    assert (await coordinator.control.get(job_id, LOCAL_ADMIN)).status == "cancelled"


async def test_edit_with_its_guards(coordinator: Coordinator) -> None:
    control = coordinator.control
    [job_id] = await submit(coordinator, 1)
    new = validate(JobEdit, {"priority": 3})
    payload = msgspec.Raw(b'{"x":1.10}')
    job = await control.edit(job_id, LOCAL_ADMIN, new, payload, '"1"')
    assert (job.priority, job.version) == (3, 2)
    assert b'"payload":{"x":1.10}' in encode(job)
    with pytest.raises(PreconditionFailed):
        await control.edit(job_id, LOCAL_ADMIN, new, None, '"1"')
    with pytest.raises(VersionConflict):
        await control.edit(job_id, LOCAL_ADMIN, validate(JobEdit, {"version": 1, "priority": 4}))
    assert (await control.get(job_id, LOCAL_ADMIN)).version == 2


async def test_runs_and_logs_of_two_attempts(coordinator: Coordinator) -> None:
    control = coordinator.control
    [job_id] = await submit(coordinator, 1)
    worker = await register(coordinator)
    for outcome in ("failed", "completed"):
        found = await lease(coordinator, worker)
        lines = [
            LogLineIn(at="2026-11-21T12:00:00Z", text=f"{found.fence}.{number}")
            for number in range(3)
        ]
        told = Logs(worker_id=worker, fence=found.fence, lines=lines)
        assert (await control.append_logs(job_id, told)).stored == 3
        assert (await control.append_logs(job_id, told)).stored == 0
        error = ErrorIn(message="no") if outcome == "failed" else None
        again = {"retry_after_seconds": 0.0}
        await finish(coordinator, worker, found, outcome=outcome, error=error, **again)
    with pytest.raises(LeaseLost):
        await control.append_logs(job_id, told)
    first, second = await control.runs(job_id, LOCAL_ADMIN)
    assert (first.outcome, second.outcome, second.attempt) == ("failed", "completed", 2)
    assert first.error is not None
    assert first.error.message == "no"
    assert await control.run(job_id, 2, LOCAL_ADMIN) == second
    for fence in (0, -1, 3, 2**70):
        with pytest.raises(RunNotFound):
            await control.run(job_id, fence, LOCAL_ADMIN)
    read: list[str] = []
    after = None
    for _ in range(5):
        page = await control.logs(job_id, LOCAL_ADMIN, after=after, limit=2)
        read += [line.text for line in page.items]
        after = page.next
        if after is None:
            break
    assert read == ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2"]
    one = await control.logs(job_id, LOCAL_ADMIN, fence=2)
    assert [line.index for line in one.items] == [0, 1, 2]
    for wrong in ({"after": "x"}, {"limit": 0}, {"limit": 1_001}, {"fence": 0}, {"fence": 2**70}):
        with pytest.raises(InvalidInput):
            await control.logs(job_id, LOCAL_ADMIN, **wrong)


async def test_a_page_of_a_log_is_bounded_in_bytes(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_module, "MAX_LINES_BYTES", 100)
    [job_id] = await submit(coordinator, 1)
    worker = await register(coordinator)
    found = await lease(coordinator, worker)
    lines = [LogLineIn(at="2026-11-21T12:00:00Z", text="x" * 40) for _ in range(5)]
    told = Logs(worker_id=worker, fence=found.fence, lines=lines)
    await coordinator.control.append_logs(job_id, told)
    first = await coordinator.control.logs(job_id, LOCAL_ADMIN)
    assert len(first.items) == 2
    assert first.next is not None
    second = await coordinator.control.logs(job_id, LOCAL_ADMIN, after=first.next)
    assert [line.index for line in second.items] == [2, 3]


async def test_a_list_is_walked_by_its_cursor(coordinator: Coordinator) -> None:
    control = coordinator.control
    ids = await submit(coordinator, 5)
    first = await control.list(LOCAL_ADMIN, limit=2)
    assert [job.id for job in first.items] == ids[:2:-1]
    assert first.next is not None
    second = await control.list(LOCAL_ADMIN, limit=3, after=first.next)
    assert [job.id for job in second.items] == ids[2::-1]
    assert second.next is None
    third = await control.list(LOCAL_ADMIN, page=3, page_size=2)
    assert [job.id for job in third.items] == ids[:1]
    assert third.next is None


async def test_a_list_says_how_many_there_are_where_that_is_known(coordinator: Coordinator) -> None:
    control = coordinator.control
    await submit(coordinator, 3)
    await submit(coordinator, 2, queue="mail", tags=["red"])
    assert (await control.list(LOCAL_ADMIN)).approx_total == 5
    await coordinator.insight.refresh()
    assert (await control.list(LOCAL_ADMIN, limit=1)).approx_total == 5
    queued = await control.list(LOCAL_ADMIN, status=["queued"], queue="mail", limit=1)
    assert queued.approx_total == 2
    assert (await control.list(LOCAL_ADMIN, tag="red", limit=1)).approx_total is None
    assert (await control.list(LOCAL_ADMIN, status=["queued,dead"], limit=1)).approx_total is None
    assert (await control.list(LOCAL_ADMIN, tag="red")).approx_total == 2
    await submit(coordinator, 4)
    assert (await control.list(LOCAL_ADMIN, limit=8)).approx_total == 8


async def test_a_list_refuses_what_makes_no_sense(coordinator: Coordinator) -> None:
    for wrong in (
        {"status": ["nope"]},
        {"limit": 0},
        {"limit": 501},
        {"page_size": 0},
        {"page": 0},
        {"page": 201},
        {"page": 1, "after": "x"},
        {"after": "x"},
        {"after": "\x00"},
        {"q": "\x00"},
        {"queue": "\ud800"},
    ):
        with pytest.raises(InvalidInput):
            await coordinator.control.list(LOCAL_ADMIN, **wrong)


async def test_pending_jobs_in_order_of_claim(coordinator: Coordinator) -> None:
    low, high = [(await submit(coordinator, 1, priority=n))[0] for n in (0, 9)]
    found = await coordinator.control.pending(LOCAL_ADMIN)
    assert [(job.job_id, job.priority) for job in found] == [(high, 9), (low, 0)]
    assert [job.job_id for job in await coordinator.control.pending(LOCAL_ADMIN, limit=1)] == [high]
    assert list(await coordinator.control.pending(LOCAL_ADMIN, queue="mail")) == []
    with pytest.raises(InvalidInput):
        await coordinator.control.pending(LOCAL_ADMIN, limit=0)


async def test_actions_at_once_on_one_job_agree(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1)
    answers = await asyncio.gather(
        *(coordinator.control.cancel(job_id, LOCAL_ADMIN) for _ in range(10))
    )
    assert {(job.status, job.attempt) for job in answers} == {("cancelled", 0)}
    retries = await asyncio.gather(
        *(coordinator.control.retry(job_id, LOCAL_ADMIN) for _ in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, IllegalTransition) for answer in retries) == 9
    assert len(await coordinator.control.events(job_id, LOCAL_ADMIN)) == 2


async def test_two_coordinators_on_one_job_never_tear_it(postgres_server: PostgresServer) -> None:
    name = postgres_server.create()
    settings = Settings(database_url=postgres_server.url(name))
    both = [Coordinator(settings), Coordinator(settings)]
    for one in both:
        await one.start()
    ids = await submit(both[0], 3)

    async def act(coordinator: Coordinator, turn: int) -> None:
        control, job_id = coordinator.control, ids[turn % 3]
        verbs = (control.cancel, control.retry, control.pause, control.resume)
        with contextlib.suppress(IllegalTransition):
            await verbs[turn % 4](job_id, LOCAL_ADMIN)

    await asyncio.gather(*(act(both[turn % 2], turn) for turn in range(240)))
    for job_id in ids:
        job = await both[0].control.cancel(job_id, LOCAL_ADMIN)
        assert job.status == "cancelled"
        events = [event.event for event in await both[1].control.events(job_id, LOCAL_ADMIN)]
        assert events.count("cancel") == events.count("retry") + 1
    await both[0].insight.refresh()
    stats = await both[0].insight.stats()
    assert stats.totals["cancelled"] == stats.totals["retried"] + 3
    assert sum(stats.active.values()) == 0
    for one in both:
        await one.stop()
    postgres_server.drop(name)


class Deadlock(sqlite3.OperationalError):
    """What either database says when two transactions are in each other's way."""

    sqlstate = "40P01"

    def __init__(self) -> None:
        super().__init__("database is locked")


async def test_an_action_that_always_conflicts_spoils_no_other(coordinator: Coordinator) -> None:
    tried = 0

    def conflict(_: Unit) -> None:
        nonlocal tried
        tried += 1
        raise DBAPIError("", {}, Deadlock())

    [job_id] = await submit(coordinator, 1)
    bad, good = await asyncio.gather(
        coordinator.committer.run(conflict, key="0"),
        coordinator.control.pause(job_id, LOCAL_ADMIN),
        return_exceptions=True,
    )
    assert isinstance(bad, Unavailable)
    assert isinstance(good, Job)
    assert good.status == "paused"
    assert 3 < tried < 10
    assert len(await coordinator.control.events(job_id, LOCAL_ADMIN)) == 1
