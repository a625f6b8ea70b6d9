"""Operations: stored, carried out in small transactions, aborted.

What is still to do is one id, the cursor: an operation goes down from its own id, so it meets every
job that was submitted before it once, and none submitted after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.errors import IllegalTransition, OperationNotFound, TenureError
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.domain.operation import BulkAction, OperationState, Phase
from tenure.store import control, edits
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.dialect import Dialect
from tenure.store.edits import Edit
from tenure.store.listing import Listed
from tenure.store.sight import owned, visible
from tenure.store.tables_operations import GOING, operations
from tenure.store.unit import Unit

_MAX_ERROR = 500


class OperationRow(NamedTuple):
    """An operation as its table says; instants in microseconds."""

    id: str
    action: str
    filter: str
    queue: str | None
    priority: int | None
    state: str
    phase: str
    canary_job_id: str | None
    actor: str | None
    reason: str | None
    owner_id: str | None
    expected: int
    counted_all: int
    cursor: str
    done: int
    refused: int
    last_error: str | None
    note: str | None
    created_at: int
    finished_at: int | None
    only_owner_id: str | None = None
    scripts: int = 1


def begin(unit: Unit, row: OperationRow) -> None:
    """Store a new operation."""
    unit.execute(sa.insert(operations), **row._asdict())


def get(unit: Unit, operation_id: str, only: str | None = None) -> OperationRow:
    """One operation, of the owner `only` unless that is None. Raises OperationNotFound."""
    return _one(unit, operation_id, False, only)


def _one(unit: Unit, operation_id: str, locked: bool, only: str | None = None) -> OperationRow:
    rows = unit.rows(_read_one(unit.dialect, locked), id=operation_id, only=only)
    if not rows:
        raise OperationNotFound(f"there is no operation {operation_id}")
    return OperationRow._make(rows[0])


@cache
def _read_one(dialect: Dialect, locked: bool) -> sa.Select[Any]:
    c = operations.c
    found = sa.select(operations).where(
        c.id == sa.bindparam("id", type_=t.Uuid), visible(c.owner_id)
    )
    return dialect.read(found.with_for_update() if locked else found)


def newest(unit: Unit, below: str, limit: int, only: str | None = None) -> list[OperationRow]:
    """Operations below an id, newest first, of the owner `only` unless that is None."""
    newest_of = _read_newest(unit.dialect, only is not None)
    rows = unit.rows(newest_of, below=below, limit=limit, only=only)
    return [OperationRow._make(row) for row in rows]


@cache
def _read_newest(dialect: Dialect, own: bool) -> sa.Select[Any]:
    c = operations.c
    below, limit = sa.bindparam("below", type_=t.Uuid), sa.bindparam("limit", type_=t.Integer)
    found = sa.select(operations).where(c.id < below).order_by(c.id.desc()).limit(limit)
    return dialect.read(found.where(owned(c.owner_id)) if own else found)


def going(unit: Unit, limit: int = 20) -> list[OperationRow]:
    """Running operations, oldest first. Reads ix_operations_going."""
    rows = unit.rows(_read_going(unit.dialect), limit=limit)
    return [OperationRow._make(row) for row in rows]


@cache
def _read_going(dialect: Dialect) -> sa.Select[Any]:
    limit = sa.bindparam("limit", type_=t.Integer)
    return dialect.read(sa.select(operations).where(GOING).order_by(operations.c.id).limit(limit))


def abort(unit: Unit, operation_id: str, action: Action) -> None:
    """Do no more; what was done stays done. Repeatable. Locks the operation.

    Raises OperationNotFound, IllegalTransition when it has ended otherwise.
    """
    row = _one(unit, operation_id, True, action.only)
    if row.state == OperationState.ABORTED:
        return
    if row.state != OperationState.RUNNING:
        raise IllegalTransition(f"the operation is {row.state}")
    note = f"by {action.actor}" + (f": {action.reason}" if action.reason else "")
    _finish(unit, row.id, OperationState.ABORTED, note)


def stop(unit: Unit, seen: OperationRow, note: str) -> None:
    """End a running operation that cannot go on, unless it is no longer as `seen`. Locks it."""
    if _one(unit, seen.id, True) == seen and seen.state == OperationState.RUNNING:
        _finish(unit, seen.id, OperationState.STOPPED, note)


def _finish(unit: Unit, operation_id: str, state: OperationState, note: str | None) -> None:
    unit.execute(_change(), of=operation_id, state=state.value, note=note, finished_at=unit.now)


@cache
def _change() -> sa.Update:
    return sa.update(operations).where(operations.c.id == sa.bindparam("of"))


def advance(
    unit: Unit, seen: OperationRow, page: Listed, states: frozenset[JobState]
) -> int | None:
    """Act on the jobs of a page in order of id and move the cursor behind them; how many it were.

    None, and nothing happens, when the operation is no longer as `seen`: aborted, or another
    coordinator was faster. A job that has meanwhile left `states` is passed over. Locks the
    operation, then job by job as the action does; not more than the page at a time.
    """
    row = _one(unit, seen.id, True)
    if row != seen or row.state != OperationState.RUNNING:
        return None
    act = _act(row)
    reason = f"operation {row.id}" + (f": {row.reason}" if row.reason else "")
    action = Action(row.actor, reason, row.only_owner_id, bool(row.scripts))
    done: list[str] = []
    refused, error = 0, row.last_error
    now_in = states_of(unit, page.ids)
    for job_id in sorted(job_id for job_id, state in now_in.items() if state in states):
        try:
            act(unit, job_id, action)
            done.append(job_id)
        except TenureError as refusal:
            refused, error = refused + 1, f"{job_id}: {refusal.detail}"[:_MAX_ERROR]
    changes: dict[str, Any] = {
        "done": row.done + len(done), "refused": row.refused + refused, "last_error": error,
        "cursor": row.cursor if page.next is None else page.next,
    }  # fmt: skip
    if row.phase == Phase.FIRST and done:
        changes |= {"phase": Phase.WATCHING.value, "canary_job_id": done[0]}
    unit.execute(_change(), of=row.id, **changes)
    if page.next is None and not (row.phase == Phase.FIRST and done):
        _finish(unit, row.id, OperationState.COMPLETED, None)
    return len(done)


def _act(row: OperationRow) -> Callable[[Unit, str, Action], None]:
    plain = {
        BulkAction.CANCEL: control.cancel,
        BulkAction.RETRY: control.retry,
        BulkAction.DELETE: control.delete,
    }
    kind = BulkAction(row.action)
    if kind in plain:
        return plain[kind]
    change: dict[str, Any] = (
        {"queue": row.queue} if kind is BulkAction.REQUEUE else {"priority": row.priority}
    )
    return lambda unit, job_id, action: edits.edit(unit, job_id, Edit(change), action)


def states_of(unit: Unit, job_ids: Sequence[str]) -> dict[str, JobState]:
    """The states of jobs by id; those that are gone are left out."""
    rows = unit.rows(_read_states(unit.dialect), [(job_id,) for job_id in job_ids])
    return {row[0]: JobState(row[1]) for row in rows}


@cache
def _read_states(dialect: Dialect) -> sa.Select[Any]:
    j, a, r = t.jobs.c, t.active_jobs.c, t.runs.c
    batch = dialect.batch(j.id)
    return dialect.read(
        sa.select(j.id, sa.func.coalesce(a.state, r.final_state).label("state"))
        .select_from(batch)
        .join(t.jobs, j.id == batch.c.id)
        .outerjoin(t.active_jobs, a.job_id == j.id)
        .outerjoin(t.runs, sa.and_(r.job_id == j.id, t.FINAL))
        .where(j.deleted_at.is_(None), sa.or_(a.state.is_not(None), t.FINAL))
    )


def judge(unit: Unit, seen: OperationRow) -> bool:
    """Let a watching operation go on when its canary completed, stop it when that ended otherwise.

    False when the canary has not ended, or the operation is no longer as `seen`. Locks the
    operation. Repeatable.
    """
    row = _one(unit, seen.id, True)
    if row != seen or row.state != OperationState.RUNNING or row.canary_job_id is None:
        return False
    state = states_of(unit, [row.canary_job_id]).get(row.canary_job_id)
    if state is JobState.COMPLETED:
        unit.execute(_change(), of=row.id, phase=Phase.ALL.value)
        return True
    if state is not None and state not in TERMINAL:
        return False
    word = "is gone" if state is None else f"ended as {state}"
    _finish(unit, row.id, OperationState.STOPPED, f"the canary {row.canary_job_id} {word}")
    return True
