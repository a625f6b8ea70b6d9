"""What a person does to a job: cancel, pause, resume, retry, delete.

Every verb locks the job's one changing row (its active row, or the run that ended it), reads the
job after that, decides by the table of `domain.lifecycle`, then writes. So the verbs on one job
happen one after the other, and each sees what the former did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.access import SCRIPT_TYPES, no_scripts
from tenure.domain.errors import IllegalTransition, JobNotFound
from tenure.domain.job import Reason, waiting_reason
from tenure.domain.lifecycle import TERMINAL, Circumstances, Event, JobState, step
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.events import Happening, record
from tenure.store.finals import Unstarted, end_waiting
from tenure.store.options import decode_options
from tenure.store.replays import replay
from tenure.store.sight import visible
from tenure.store.ties import end
from tenure.store.uniqueness import let_go, take_again
from tenure.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Action:
    """Who does something to a job, and why.

    `only`: the owner whose objects it may touch, everybody's when None; others' are not found.
    `scripts`: whether it may make jobs run that carry their own code.
    """

    actor: str | None = None
    reason: str | None = None
    only: str | None = None
    scripts: bool = True

    def check_script(self, type_: str) -> None:
        """Refuse to make a job of this type run. Raises Forbidden."""
        if not self.scripts and type_ in SCRIPT_TYPES:
            raise no_scripts(type_)


class Row(NamedTuple):
    """The locked row of a job: active, or the run that ended it (fields it has not are None)."""

    queue: str
    type: str
    state: JobState
    reason: str | None
    rank: int
    run_at: int
    attempt: int
    max_attempts: int
    lost: int
    fence: int
    worker_id: str | None
    cancel_requested_at: int | None
    ties: int
    waits: int | None


class Asked(NamedTuple):
    """What the job's wide row says, read after the lock. `options` and `tags` are JSON text."""

    type: str
    queue: str
    name: str | None
    priority: int
    options: str | None
    tags: str | None
    created_at: int
    version: int
    owner_id: str | None

    @property
    def concurrency_key(self) -> str | None:
        """The key whose admission the job needs, if any."""
        return decode_options(self.options).concurrency_key


def locked(unit: Unit, job_id: str, only: str | None = None) -> tuple[Row, Asked]:
    """A job's row, locked until the transaction ends, and what was asked; `only` as in `Action`.

    Locks the job, then its active row or final run: only a person's act makes a final job active
    again, and those wait for each other at the job. Raises JobNotFound (also for a deleted job).
    """
    asked = unit.rows(_lock_asked(unit.dialect), job_id=job_id, only=only)
    found = asked and unit.rows(_lock_active(unit.dialect), job_id=job_id)
    found = found or (asked and unit.rows(_lock_final(unit.dialect), job_id=job_id))
    if not found:
        raise JobNotFound(f"there is no job {job_id}")
    row = Row._make(found[0])
    return row._replace(state=JobState(row.state)), Asked._make(asked[0])


@cache
def _lock_active(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    columns = (
        a.queue, a.type, a.state, a.reason, a.rank, a.run_at, a.attempt, a.max_attempts, a.lost,
        a.fence, a.worker_id, a.cancel_requested_at, a.ties, a.waits,
    )  # fmt: skip
    return dialect.read(
        sa.select(*columns).where(a.job_id == sa.bindparam("job_id")).with_for_update()
    )


@cache
def _lock_final(dialect: Dialect) -> sa.Select[Any]:
    r = t.runs.c
    zero: Any = sa.literal_column("0")
    none: Any = sa.null()
    columns: tuple[Any, ...] = (
        sa.literal_column("''").label("queue"), sa.literal_column("''").label("type"),
        r.final_state, r.reason, zero.label("rank"), zero.label("run_at"), r.attempt,
        zero.label("max_attempts"), r.lost, r.fence, none.label("worker"), none.label("cancel"),
        zero.label("ties"), none.label("waits"),
    )  # fmt: skip
    return dialect.read(
        sa.select(*columns).where(r.job_id == sa.bindparam("job_id"), t.FINAL).with_for_update()
    )


@cache
def _lock_asked(dialect: Dialect) -> sa.Select[Any]:
    j = t.jobs.c
    columns = (
        j.type, j.queue, j.name, j.priority, j.options, j.tags, j.created_at, j.version,
        j.owner_id,
    )  # fmt: skip
    return dialect.read(
        sa.select(*columns)
        .where(j.id == sa.bindparam("job_id"), j.deleted_at.is_(None), visible(j.owner_id))
        .with_for_update(key_share=True)
    )


def note(
    unit: Unit, job_id: str, event: str, action: Action, detail: Mapping[str, Any] | None = None
) -> None:
    """Append the event of an action."""
    record(unit, [Happening(event, job_id, action.actor, action.reason, detail)])


def cancel(unit: Unit, job_id: str, action: Action) -> None:
    """Stop a job: at once when it waits, through its worker when it runs.

    Repeatable. Raises IllegalTransition when it ended otherwise, and as `locked`.
    """
    row, _ = locked(unit, job_id, action.only)
    if row.state is JobState.CANCELLED:
        return
    state = step(row.state, Event.CANCEL)
    if state is JobState.CANCELLED:
        _end_cancelled(unit, job_id, row)
    elif row.cancel_requested_at is not None:
        return
    else:
        unit.execute(_request_cancel(), job=job_id, at=unit.now, why=action.reason)
        if row.worker_id is not None:
            unit.woken.add(row.worker_id)
    note(unit, job_id, "cancel", action)


def _end_cancelled(unit: Unit, job_id: str, row: Row) -> None:
    """End a job that is not running. No lease reports it, so it takes a fence of its own."""
    state = JobState.CANCELLED
    end_waiting(unit, [Unstarted(job_id, row.fence, row.attempt, row.lost, state)])
    unit.count(row.queue, row.type, "cancelled")
    end(unit, [(job_id, state, row.ties)])


@cache
def _request_cancel() -> sa.Update:
    a = t.active_jobs.c
    return (
        sa.update(t.active_jobs)
        .where(a.job_id == sa.bindparam("job"))
        .values(cancel_requested_at=sa.bindparam("at"), cancel_reason=sa.bindparam("why"))
    )


def pause(unit: Unit, job_id: str, action: Action) -> None:
    """Hold a job that waits; it keeps its rank. Repeatable. Raises as `cancel`."""
    row, asked = locked(unit, job_id, action.only)
    if row.state is JobState.PAUSED:
        return
    state = step(row.state, Event.PAUSE)
    if asked.concurrency_key is not None:
        unit.contended.add(asked.concurrency_key)
    unit.execute(_set_state(), job=job_id, state=state.value, why=row.reason)
    note(unit, job_id, "pause", action)


def resume(unit: Unit, job_id: str, action: Action) -> None:
    """Let a paused job go on, at its old rank. Repeatable: a job that waits is left alone.

    Raises as `cancel`, and Forbidden for a script that the action may not run.
    """
    row, asked = locked(unit, job_id, action.only)
    if row.state in (JobState.BLOCKED, JobState.SCHEDULED, JobState.PENDING):
        return
    action.check_script(asked.type)
    key = asked.concurrency_key
    facts = Circumstances(
        edge_open=bool(row.waits), due_later=row.run_at > unit.now, key_full=key is not None
    )
    state = step(row.state, Event.RESUME, facts)
    reason = waiting_reason(state, bool(row.waits))
    if state is JobState.PENDING:
        unit.ready[row.queue, row.type] += 1
    elif state is JobState.SCHEDULED:
        unit.schedule(row.run_at)
        if row.reason in (Reason.BACKOFF, Reason.SNOOZED):
            reason = row.reason
    if key is not None:
        unit.contended.add(key)
    unit.execute(_set_state(), job=job_id, state=state.value, why=reason)
    note(unit, job_id, "resume", action)


@cache
def _set_state() -> sa.Update:
    a = t.active_jobs.c
    return (
        sa.update(t.active_jobs)
        .where(a.job_id == sa.bindparam("job"))
        .values(state=sa.bindparam("state"), reason=sa.bindparam("why"))
    )


def retry(unit: Unit, job_id: str, action: Action) -> None:
    """Run a finished job again: at least one more attempt, `lost` from 0, due now.

    It waits again for jobs it depends on that are unfinished. Its former end stays in the history;
    `replays.replay` says what becomes of the jobs below. Raises IllegalTransition for an unfinished
    job, so repeating it is refused, UniqueTaken when another job has a unique key it needs,
    Forbidden for a script that the action may not run, and as `locked`.
    """
    row, asked = locked(unit, job_id, action.only)
    action.check_script(asked.type)
    step(row.state, Event.RETRY)
    unique = decode_options(asked.options).unique
    if unique is not None:
        take_again(unit, asked.owner_id or "", job_id, unique)
    again = replay(unit, [job_id])
    happened = [(job_id, None), *((id_, {"because_of": job_id}) for id_ in again)]
    record(
        unit, [Happening("retry", id_, action.actor, action.reason, told) for id_, told in happened]
    )


def delete(unit: Unit, job_id: str, action: Action) -> None:
    """Hide a job from every read; an unfinished one is cancelled first.

    Raises IllegalTransition while it runs, and as `locked`.
    """
    row, asked = locked(unit, job_id, action.only)
    if row.state is JobState.RUNNING:
        raise IllegalTransition("a running job cannot be deleted, cancel it first")
    if row.state not in TERMINAL:
        step(row.state, Event.CANCEL)
        _end_cancelled(unit, job_id, row)
    if decode_options(asked.options).unique is not None:
        let_go(unit, [job_id], ended=False)
    unit.execute(_hide(), job=job_id, at=unit.now)
    note(unit, job_id, "delete", action)


@cache
def _hide() -> sa.Update:
    return (
        sa.update(t.jobs)
        .where(t.jobs.c.id == sa.bindparam("job"))
        .values(deleted_at=sa.bindparam("at"))
    )
