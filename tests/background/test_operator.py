"""The operator carries operations out, a batch each tick, wherever it was left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.background.operator import Operator
from tenure.domain.clock import SECOND
from tenure.domain.ids import IdSource
from tenure.domain.run import Outcome
from tenure.store import operations
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.operations import OperationRow
from tests.background.rig import Rig
from tests.builders import report

pytestmark = pytest.mark.anyio


async def begun(rig: Rig, action: str, filter_: str, **changes: Any) -> str:
    rig.later(SECOND)  # its id then lies beyond those of the jobs
    new = IdSource().one(rig.now)
    values: dict[str, Any] = dict.fromkeys(OperationRow._fields) | {
        "id": new, "action": action, "filter": filter_, "state": "running", "phase": "all",
        "expected": 0, "counted_all": 1, "cursor": new, "done": 0, "refused": 0,
        "created_at": rig.now, "scripts": 1,
    }  # fmt: skip
    await rig.run(operations.begin, OperationRow(**(values | changes)))
    return new


async def row(rig: Rig, operation_id: str) -> OperationRow:
    return await rig.run(operations.get, operation_id)


async def in_state(rig: Rig, state: str) -> int:
    a = t.active_jobs
    asked = sa.select(sa.func.count()).select_from(a).where(a.c.state == state)
    return int((await rig.rows(asked))[0][0])


async def test_nothing_to_do_costs_one_read(rig: Rig) -> None:
    operator = Operator(rig.committer, rig.reader, rig.clock)
    assert (operator.name, operator.interval) == ("operator", 2.0)
    ticked = await operator.tick(rig.now)
    assert (ticked.done, ticked.more, ticked.next_at) == (0, False, None)
    assert rig.units == []


async def test_two_operators_share_the_work_and_do_each_job_once(rig: Rig) -> None:
    await rig.submitted(120)
    one = Operator(rig.committer, rig.reader, rig.clock)
    other = Operator(rig.committer, rig.reader, rig.clock)
    operation = await begun(rig, "cancel", "status:pending")
    done = 0
    while (await row(rig, operation)).state == "running":
        both = await asyncio.gather(one.tick(rig.now), other.tick(rig.now))
        done += sum(ticked.done for ticked in both)
    assert done == 120
    told = await row(rig, operation)
    assert (told.state, told.done, told.refused) == ("completed", 120, 0)
    assert await in_state(rig, "pending") == 0


async def test_jobs_submitted_later_are_left_alone(rig: Rig) -> None:
    await rig.submitted(3)
    operation = await begun(rig, "cancel", "status:pending")
    rig.later(SECOND)
    late = IdSource().make(rig.now, 2)
    await rig.submitted(2)
    newest = sa.select(t.jobs.c.id).order_by(t.jobs.c.id.desc()).limit(2)
    for old, new in zip([r[0] for r in await rig.rows(newest)], late, strict=True):
        await rig.execute(sa.update(t.jobs).where(t.jobs.c.id == old).values(id=new))
        changed = sa.update(t.active_jobs).where(t.active_jobs.c.job_id == old)
        await rig.execute(changed.values(job_id=new))
    await Operator(rig.committer, rig.reader, rig.clock).tick(rig.now)
    assert (await row(rig, operation)).state == "completed"
    assert await in_state(rig, "pending") == 2


async def test_spans_count_from_the_beginning(rig: Rig) -> None:
    await rig.submitted(2)
    rig.later(60 * SECOND)
    operation = await begun(rig, "cancel", "created:<2m")
    rig.later(3_600 * SECOND)
    await Operator(rig.committer, rig.reader, rig.clock).tick(rig.now)
    assert (await row(rig, operation)).done == 2


async def test_a_canary_is_watched(rig: Rig) -> None:
    await rig.joined()
    ids = await rig.leased(3)
    bad: dict[str, Any] = {"outcome": Outcome.FAILED, "retryable": False}
    await rig.committer.report([report(job_id, **bad) for job_id in ids])
    operator = Operator(rig.committer, rig.reader, rig.clock)
    operation = await begun(rig, "retry", "status:failed", phase="first")
    assert (await operator.tick(rig.now)).done == 1
    for _ in range(2):
        ticked = await operator.tick(rig.now)
        assert (ticked.done, ticked.more, ticked.next_at) == (0, False, rig.now + SECOND)
    assert await in_state(rig, "pending") == 1
    canary = (await row(rig, operation)).canary_job_id
    assert canary is not None
    await rig.leased(0)
    await rig.committer.report([report(canary, 2)])
    assert (await operator.tick(rig.now)).more
    assert (await operator.tick(rig.now)).done == 2
    assert (await row(rig, operation)).state == "completed"


async def test_an_aborted_operation_is_left(rig: Rig) -> None:
    await rig.submitted(60)
    operation = await begun(rig, "cancel", "status:pending")
    operator = Operator(rig.committer, rig.reader, rig.clock)
    assert (await operator.tick(rig.now)).done == 25
    await rig.run(operations.abort, operation, Action("ann"))
    assert (await operator.tick(rig.now)).done == 0
    assert await in_state(rig, "pending") == 35


async def test_one_that_cannot_go_on_stops_and_holds_up_no_other(rig: Rig) -> None:
    await rig.submitted(2)
    broken = await begun(rig, "cancel", "no_such_field:1")
    good = await begun(rig, "cancel", "status:pending")
    assert (await Operator(rig.committer, rig.reader, rig.clock).tick(rig.now)).done == 2
    told = await row(rig, broken)
    assert told.state == "stopped"
    assert (told.note or "").startswith("a step failed: filter: character 1")
    assert (await row(rig, good)).state == "completed"
    await rig.run(operations.stop, told, "again")
    assert await row(rig, broken) == told
