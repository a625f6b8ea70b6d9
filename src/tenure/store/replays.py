"""Finished jobs run again, and what was skipped because of them waits again.

Everything below the replayed jobs is locked and worked through in memory, so the number of
statements does not depend on the size or depth of the graph.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.edges import Condition, Join, forgiven, standing
from tenure.domain.job import Tie, Unique, waiting_reason
from tenure.domain.lifecycle import Circumstances, Event, JobState, step
from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.dependents import descendants, lock_waiting
from tenure.store.dialect import Dialect
from tenure.store.options import decode_options, encode_options
from tenure.store.ranking import ranked
from tenure.store.uniqueness import Key, let_go, take, taken
from tenure.store.unit import Unit
from tenure.store.workflow_counts import workflows_of


class Final(NamedTuple):
    """A finished job, its row and its final run locked. `options` is JSON text."""

    job_id: str
    type: str
    queue: str
    priority: int
    options: str | None
    schedule_id: str | None
    owner_id: str | None
    fence: int
    attempt: int
    state: str


class _Graph:
    """The edges above some jobs; `open` counts those still open of each job that waits."""

    def __init__(self, edges: Iterable[Any], ended: dict[str, JobState]) -> None:
        self.above: dict[str, list[tuple[str, Condition, Join]]] = defaultdict(list)
        self.below: dict[str, list[str]] = defaultdict(list)
        self.open: dict[str, int] = {}
        self._ended = ended
        for child, parent, on, join in edges:
            self.above[child].append((parent, Condition(on), Join(join)))
            self.below[parent].append(child)

    def reopen(self, job_id: str) -> None:
        """A job is active again: the edges that lead from it are open."""
        self._ended.pop(job_id, None)
        for child in self.below.get(job_id, ()):
            # 0 with `any` is decided; with `all` it only means that none was open so far.
            if child in self.open and (self.open[child] or self._join(child) is Join.ALL):
                self.open[child] += 1

    def wait_anew(self, job_id: str) -> None:
        """Count the open edges of a job that a person runs again."""
        if job_id in self.above:
            self.open[job_id] = forgiven(self._join(job_id), self._parents(job_id))

    def unskip(self, job_id: str) -> bool:
        """Count the open edges of a skipped job; False when it is rightly skipped."""
        waits = standing(self._join(job_id), self._parents(job_id))
        if waits is None:
            return False
        self.open[job_id] = waits
        self.reopen(job_id)
        return True

    def _join(self, job_id: str) -> Join:
        return self.above[job_id][0][2]

    def _parents(self, job_id: str) -> list[tuple[Condition, JobState | None]]:
        return [(on, self._ended.get(parent)) for parent, on, _ in self.above[job_id]]


def replay(unit: Unit, job_ids: Collection[str]) -> list[str]:
    """Make finished jobs active again; the ids of the skipped ones below that come with them.

    Jobs that are not final are left out. Locks, each in job order: the `jobs` rows and final runs
    of the jobs, the waiting rows below, the `jobs` rows and final runs of what was skipped below.
    """
    chosen = _lock_finals(unit, job_ids)
    if not chosen:
        return []
    under = descendants(unit, sorted(chosen)) - chosen.keys()
    waiting = {row.job_id: row for row in lock_waiting(unit, under)} if under else {}
    skipped = _lock_skipped(unit, under - waiting.keys())
    graph = _read_graph(unit, {*chosen, *under})
    graph.open = {job_id: row.waits for job_id, row in waiting.items()}
    for job_id in chosen:
        graph.reopen(job_id)
    for job_id in chosen:
        graph.wait_anew(job_id)
    more = _unskip(graph, list(chosen), skipped)
    back = [*chosen.values(), *(skipped[job_id] for job_id in more)]
    _take_keys(unit, back)
    _activate(unit, graph, back, chosen.keys())
    changed = [
        (id_, graph.open[id_]) for id_, row in waiting.items() if graph.open[id_] != row.waits
    ]
    if changed:
        unit.execute(_set_waits(unit.dialect), sorted(changed))
    for job in chosen.values():
        unit.count(job.queue, job.type, "retried")
    return more


def _take_keys(unit: Unit, jobs: list[Final]) -> None:
    """What runs again needs its unique key.

    Raises UniqueTaken when another job has one; those taken up to then are free again.
    """
    wanted: dict[Key, tuple[str, Unique]] = {}
    for job in jobs:
        unique = decode_options(job.options).unique
        if unique is not None:
            wanted.setdefault((job.owner_id or "", unique.key), (job.job_id, unique))
    if not wanted:
        return
    held = take(unit, wanted)
    for job in jobs:
        unique = decode_options(job.options).unique
        if unique is not None and held[job.owner_id or "", unique.key] != job.job_id:
            let_go(unit, [one.job_id for one in jobs])
            raise taken(unique.key, held[job.owner_id or "", unique.key])


def _unskip(graph: _Graph, parents: list[str], skipped: Collection[str]) -> list[str]:
    found: dict[str, None] = {}
    queue = deque(parents)
    while queue:
        for child in graph.below.get(queue.popleft(), ()):
            if child in skipped and child not in found and graph.unskip(child):
                found[child] = None
                queue.append(child)
    return list(found)


def _activate(unit: Unit, graph: _Graph, jobs: list[Final], chosen: Collection[str]) -> None:
    workflows = workflows_of(unit, [job.job_id for job in jobs])
    rows = []
    expired = []
    for job in jobs:
        options = decode_options(job.options)
        if options.expires_at is not None and options.expires_at <= unit.now:
            options = replace(options, expires_at=None)
            expired.append((job.job_id, encode_options(options)))
        waits = graph.open.get(job.job_id)
        run_at = unit.now
        if job.job_id not in chosen:
            run_at = max(options.run_at or 0, unit.now)
        key = options.concurrency_key
        if key is not None:
            unit.contended.add(key)
        facts = Circumstances(
            edge_open=bool(waits), due_later=run_at > unit.now, key_full=key is not None
        )
        state = step(JobState(job.state), Event.RETRY, facts)
        _announce(unit, job, state, run_at, options.expires_at)
        ties = options.ties
        ties |= Tie.CHILDREN if graph.below.get(job.job_id) else Tie.NONE
        ties |= Tie.PARENTS if job.job_id in graph.above else Tie.NONE
        ties |= Tie.WORKFLOW if job.job_id in workflows else Tie.NONE
        most = max(options.max_attempts, job.attempt + 1)
        rows.append(
            (
                job.job_id, job.queue, job.type, state.value,
                waiting_reason(state, bool(waits)),
                ranked(unit, job.queue, run_at, job.priority), run_at, options.expires_at,
                job.attempt, most, job.fence, int(ties), waits, job.schedule_id, key,
                job.owner_id,
            )
        )  # fmt: skip
    if expired:
        unit.execute(_set_options(unit.dialect), sorted(expired))
    unit.execute(_unfinish(unit.dialect), sorted((job.job_id, job.fence) for job in jobs))
    unit.execute(_insert_active(unit.dialect), sorted(rows))
    unit.reopened += [(job.job_id, JobState(job.state)) for job in jobs if job.job_id in workflows]


def _announce(unit: Unit, job: Final, state: JobState, run_at: int, expires_at: int | None) -> None:
    if state is JobState.PENDING:
        unit.ready[job.queue, job.type] += 1
    elif state is JobState.SCHEDULED:
        unit.schedule(run_at)
    if expires_at is not None:
        unit.schedule(expires_at)


def _keys(ids: Iterable[str]) -> list[tuple[str]]:
    return sorted((id_,) for id_ in ids)


def _lock_finals(unit: Unit, job_ids: Collection[str]) -> dict[str, Final]:
    asked = {row[0]: row for row in unit.rows(_lock_jobs(unit.dialect), _keys(job_ids))}
    ends = unit.rows(_lock_ends(unit.dialect), _keys(asked))
    return {row[0]: Final(*asked[row[0]], *row[1:]) for row in ends}


@cache
def _lock_jobs(dialect: Dialect) -> sa.Select[Any]:
    j = t.jobs.c
    batch = dialect.batch(j.id)
    return dialect.read(
        sa.select(j.id, j.type, j.queue, j.priority, j.options, j.schedule_id, j.owner_id)
        .join_from(batch, t.jobs, j.id == batch.c.id)
        .where(j.deleted_at.is_(None))
        .order_by(j.id)
        .with_for_update(of=t.jobs, key_share=True)
    )


@cache
def _lock_ends(dialect: Dialect) -> sa.Select[Any]:
    r = t.runs.c
    batch = dialect.batch(r.job_id)
    return dialect.read(
        sa.select(r.job_id, r.fence, r.attempt, r.final_state)
        .join_from(batch, t.runs, r.job_id == batch.c.job_id)
        .where(t.FINAL)
        .order_by(r.job_id)
        .with_for_update(of=t.runs)
    )


def _lock_skipped(unit: Unit, job_ids: Collection[str]) -> dict[str, Final]:
    if not job_ids:
        return {}
    skipped = [
        job_id for job_id, state in _ended(unit, job_ids).items() if state is JobState.SKIPPED
    ]
    found = _lock_finals(unit, skipped) if skipped else {}
    return {id_: job for id_, job in found.items() if job.state == JobState.SKIPPED}


def _ended(unit: Unit, job_ids: Iterable[str]) -> dict[str, JobState]:
    """The final states of those of the jobs that have ended."""
    rows = unit.rows(_read_ends(unit.dialect), _keys(job_ids))
    return {row[0]: JobState(row[1]) for row in rows}


@cache
def _read_ends(dialect: Dialect) -> sa.Select[Any]:
    r = t.runs.c
    batch = dialect.batch(r.job_id)
    return dialect.read(
        sa.select(r.job_id, r.final_state)
        .join_from(batch, t.runs, r.job_id == batch.c.job_id)
        .where(t.FINAL)
    )


def _read_graph(unit: Unit, job_ids: Iterable[str]) -> _Graph:
    edges = unit.rows(_read_above(unit.dialect), _keys(job_ids))
    return _Graph(edges, _ended(unit, {edge[1] for edge in edges}) if edges else {})


@cache
def _read_above(dialect: Dialect) -> sa.Select[Any]:
    d = w.dependencies.c
    batch = dialect.batch(d.job_id)
    return dialect.read(
        sa.select(d.job_id, d.parent_id, d.condition, d.joined).join_from(
            batch, w.dependencies, d.job_id == batch.c.job_id
        )
    )


@cache
def _set_options(dialect: Dialect) -> sa.Executable:
    j = t.jobs.c
    batch = dialect.batch(j.id, j.options)
    return sa.update(t.jobs).where(j.id == batch.c.id).values(options=batch.c.options)


@cache
def _unfinish(dialect: Dialect) -> sa.Executable:
    r = t.runs.c
    batch = dialect.batch(r.job_id, r.fence)
    return (
        sa.update(t.runs)
        .where(r.job_id == batch.c.job_id, r.fence == batch.c.fence)
        .values(final_state=None)
    )


@cache
def _insert_active(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    columns = (
        a.job_id, a.queue, a.type, a.state, a.reason, a.rank, a.run_at, a.expires_at, a.attempt,
        a.max_attempts, a.fence, a.ties, a.waits, a.schedule_id, a.concurrency_key, a.owner_id,
    )  # fmt: skip
    zeros: list[Any] = [sa.literal_column("0") for _ in range(3)]
    return sa.insert(t.active_jobs).from_select(
        [*(column.name for column in columns), "lost", "releases", "snoozes"],
        sa.select(*dialect.batch(*columns).c, *zeros),
    )


@cache
def _set_waits(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id, a.waits)
    return sa.update(t.active_jobs).where(a.job_id == batch.c.job_id).values(waits=batch.c.waits)
