"""Jobs that wait for jobs: what becomes of them when those end.

An edge never changes. How many of its edges are open stands in a waiting job's active row
(`waits`), so an end costs the same however many parents a job has. Two parents that end at the
same moment wait for each other at the child's row, and the later one reads what the former wrote.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.edges import Condition, Join, Verdict, Waiting, met
from tenure.domain.job import Reason, Tie, waiting_reason
from tenure.domain.lifecycle import Circumstances, Event, JobState, step
from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.dialect import Dialect
from tenure.store.events import Happening, record
from tenure.store.finals import Unstarted, end_waiting
from tenure.store.ranking import ranked
from tenure.store.unit import ClosedEdge, Ended, Unit


class Child(NamedTuple):
    """The locked row of a job, blocked or paused, that waits for at least one other."""

    job_id: str
    state: str
    reason: str | None
    ties: int
    waits: int
    run_at: int
    queue: str
    type: str
    fence: int
    attempt: int
    lost: int
    rank: int
    concurrency_key: str | None
    priority: int


@dataclass(slots=True)
class _Round:
    """What one pass found: the jobs it changed, those it skipped, edges left for the next."""

    waiting: dict[str, Waiting] = field(default_factory=dict)
    changed: dict[str, Verdict] = field(default_factory=dict)
    skipped: dict[str, Reason] = field(default_factory=dict)
    left: list[ClosedEdge] = field(default_factory=list)


def resolve(unit: Unit, ended: Sequence[Ended]) -> list[Ended]:
    """Close the edges that lead from these ended jobs, and those of `unit.closed`.

    Children whose time has come become ready, those that cannot run any more are skipped and their
    own edges closed in turn; what was skipped is returned. Call it after the ends were written.
    Locks the children in job order. A fixed number of statements, three times that when anything
    is skipped, whatever the number of jobs and however long the chains.
    """
    todo, unit.closed = unit.closed, []
    todo += _closed(unit, {job_id: state for job_id, state, _ in ended})
    skipped: list[Ended] = []
    deep: list[str] = []
    while todo:
        wanted = {edge.job_id for edge in todo}.union(descendants(unit, deep) if deep else ())
        rows = {row.job_id: row for row in lock_waiting(unit, wanted)}
        below = _edges_below(unit, rows) if deep else {}
        done = _propagate(todo, rows, below)
        _write(unit, rows, done)
        now_skipped = [(job_id, JobState.SKIPPED, rows[job_id].ties) for job_id in done.skipped]
        skipped += now_skipped
        # Who was looked for and is not there does not wait (any more).
        todo = [edge for edge in done.left if edge.job_id not in wanted]
        if not deep:
            deep = [job_id for job_id, _, ties in now_skipped if ties & Tie.CHILDREN]
            todo += _closed(unit, dict.fromkeys(deep, JobState.SKIPPED))
        else:
            deep = [edge.job_id for edge in todo]
    return skipped


def _closed(unit: Unit, parents: dict[str, JobState]) -> list[ClosedEdge]:
    """The edges that lead from jobs that have ended."""
    if not parents:
        return []
    rows = unit.rows(_read_edges(unit.dialect), sorted((parent,) for parent in parents))
    return [
        ClosedEdge(child, Condition(on), Join(join), parents[parent])
        for child, parent, on, join in rows
    ]


def _edges_below(
    unit: Unit, parents: Iterable[str]
) -> dict[str, list[tuple[str, Condition, Join]]]:
    rows = unit.rows(_read_edges(unit.dialect), sorted((parent,) for parent in parents))
    found: dict[str, list[tuple[str, Condition, Join]]] = defaultdict(list)
    for child, parent, on, join in rows:
        found[parent].append((child, Condition(on), Join(join)))
    return found


@cache
def _read_edges(dialect: Dialect) -> sa.Select[Any]:
    """Reads ix_dependencies_parent_id_job_id, one range a parent."""
    d = w.dependencies.c
    batch = dialect.batch(d.parent_id)
    return dialect.read(
        sa.select(d.job_id, d.parent_id, d.condition, d.joined).join_from(
            batch, w.dependencies, d.parent_id == batch.c.parent_id
        )
    )


def _propagate(
    todo: list[ClosedEdge],
    rows: dict[str, Child],
    below: dict[str, list[tuple[str, Condition, Join]]],
) -> _Round:
    """Decide in memory; what is skipped closes the edges in `below` at once."""
    done = _Round()
    queue = deque(todo)
    while queue:
        edge = queue.popleft()
        row = rows.get(edge.job_id)
        if row is None:
            done.left.append(edge)
            continue
        if edge.job_id in done.skipped:
            continue
        waiting = done.waiting.setdefault(edge.job_id, Waiting(edge.join, row.waits))
        verdict = waiting.settle(is_met=met(edge.on, edge.parent_state))
        done.changed[edge.job_id] = verdict
        if verdict is Verdict.SKIP:
            done.skipped[edge.job_id] = _reason(edge)
            queue.extend(
                ClosedEdge(child, on, join, JobState.SKIPPED)
                for child, on, join in below.get(edge.job_id, ())
            )
    return done


def _reason(edge: ClosedEdge) -> Reason:
    return Reason.UPSTREAM_FAILED if edge.on is Condition.SUCCESS else Reason.CONDITION


def _write(unit: Unit, rows: dict[str, Child], done: _Round) -> None:
    moved = [
        _moved(unit, rows[job_id], done.waiting[job_id].open)
        for job_id in sorted(done.changed)
        if job_id not in done.skipped
    ]
    if moved:
        unit.execute(_move(unit.dialect), moved)
    if not done.skipped:
        return
    ends = []
    for job_id in sorted(done.skipped):
        row = rows[job_id]
        state = step(JobState(row.state), Event.SKIP)
        ends.append(
            Unstarted(job_id, row.fence, row.attempt, row.lost, state, done.skipped[job_id])
        )
        unit.count(row.queue, row.type, "skipped")
    end_waiting(unit, ends)
    record(unit, [Happening(Event.SKIP, job_id=end.job_id, reason=end.reason) for end in ends])


def _moved(unit: Unit, row: Child, waits: int) -> tuple[Any, ...]:
    """The new row of a child with so many open edges: ready when it is blocked and none is left.

    A paused one keeps its place, to be looked at when it is resumed.
    """
    if waits or row.state != JobState.BLOCKED:
        return (row.job_id, row.state, row.reason, row.rank, row.run_at, waits)
    run_at = max(row.run_at, unit.now)
    key = row.concurrency_key
    facts = Circumstances(due_later=run_at > unit.now, key_full=key is not None)
    state = step(JobState.BLOCKED, Event.UNBLOCK, facts)
    if state is JobState.PENDING:
        unit.ready[row.queue, row.type] += 1
    elif state is JobState.SCHEDULED:
        unit.schedule(run_at)
    if key is not None:
        unit.contended.add(key)
    reason = waiting_reason(state, edge_open=False)
    place = ranked(unit, row.queue, run_at, row.priority)
    return (row.job_id, state.value, reason, place, run_at, waits)


@cache
def _move(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    changed = (a.state, a.reason, a.rank, a.run_at, a.waits)
    batch = dialect.batch(a.job_id, *changed)
    return (
        sa.update(t.active_jobs)
        .where(a.job_id == batch.c.job_id)
        .values({column.name: batch.c[column.name] for column in changed})
    )


def lock_waiting(unit: Unit, job_ids: Iterable[str]) -> list[Child]:
    """The rows of those of the jobs that wait for a job, locked in job order.

    One whose edges are decided is left alone, also while it is paused or waits for its concurrency
    key: it keeps its place, whatever becomes of its parents afterwards.
    """
    rows = unit.rows(_lock(unit.dialect), sorted((job_id,) for job_id in job_ids))
    return [Child._make(row) for row in rows]


@cache
def _lock(dialect: Dialect) -> sa.Select[Any]:
    a, j = t.active_jobs.c, t.jobs.c
    columns = (
        a.job_id, a.state, a.reason, a.ties, a.waits, a.run_at, a.queue, a.type, a.fence, a.attempt,
        a.lost, a.rank, a.concurrency_key,
    )  # fmt: skip
    batch = dialect.batch(a.job_id)
    locked = (
        sa.select(*columns)
        .join_from(batch, t.active_jobs, a.job_id == batch.c.job_id)
        .where(
            a.waits > sa.literal_column("0"),
            a.state.in_([JobState.BLOCKED.value, JobState.PAUSED.value]),
        )
        .order_by(a.job_id)
        .with_for_update(of=t.active_jobs)
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(
        sa.select(*locked.c, j.priority).join_from(locked, t.jobs, j.id == locked.c.job_id)
    )


def descendants(unit: Unit, job_ids: list[str]) -> set[str]:
    """Every job below these, at any depth."""
    rows = unit.rows(_read_descendants(unit.dialect), sorted((job_id,) for job_id in job_ids))
    return {row[0] for row in rows}


@cache
def _read_descendants(dialect: Dialect) -> sa.Select[Any]:
    d = w.dependencies.c
    batch = dialect.batch(d.parent_id)
    below = (
        sa.select(d.job_id)
        .join_from(batch, w.dependencies, d.parent_id == batch.c.parent_id)
        .cte("below", recursive=True)
    )
    below = below.union(
        sa.select(d.job_id).join_from(below, w.dependencies, d.parent_id == below.c.job_id)
    )
    return dialect.read(sa.select(below.c.job_id))
