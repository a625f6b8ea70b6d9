"""Firing due schedules, and the ledger of what became of every nominal time.

A fired time has a row of its own, (schedule, nominal time) being its key: nothing fires it twice.
Times that did not fire share a row as long as their outcome stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from loguru import logger

from tenure.domain.clock import rfc3339
from tenure.domain.errors import IllegalTransition, JobNotFound
from tenure.domain.job import NewJob
from tenure.domain.notification import Topic
from tenure.domain.schedule import MAX_WALKED, Plan, Stretch, due_at, plan
from tenure.domain.scheduling import FireOutcome, Overlap, ScheduleRules
from tenure.domain.template import JobTemplate, Template, jobs, size
from tenure.domain.workflow import NewWorkflow
from tenure.store import tables as t
from tenure.store import tables_schedules as s
from tenure.store.control import Action, cancel
from tenure.store.dialect import Dialect
from tenure.store.outbox import note
from tenure.store.schedule_rows import decode_rules, decode_template
from tenure.store.submits import Submission, submit
from tenure.store.unit import Unit

MOST_FIRES = 2_000
"""Jobs of one transaction, unless a single schedule makes up more."""


class _Due(NamedTuple):
    """A locked schedule that is due."""

    id: str
    rules: str
    job: str | None
    payload: str | None
    workflow: str | None
    owner_id: str | None
    next_nominal_at: int
    paused_until: int | None
    last_fired_at: int | None
    stretch_at: int | None
    stretch_outcome: str | None


@dataclass(slots=True)
class _Planned:
    """What is decided about one schedule."""

    row: _Due
    rules: ScheduleRules
    plan: Plan


def next_due(unit: Unit) -> int | None:
    """When `fire` has something to do next (microseconds); None: never yet. One index seek."""
    rows = unit.rows(_first(unit.dialect))
    return rows[0][0] if rows else None


@cache
def _first(dialect: Dialect) -> sa.Select[Any]:
    c = s.schedules.c
    return dialect.read(sa.select(c.next_fire_at).where(s.DUE).order_by(c.next_fire_at).limit(1))


def fire(unit: Unit, limit: int = 500) -> int:
    """Decide about up to `limit` due schedules, those due longest first; how many it was.

    Inserts their jobs and fires rows and moves them on, a fixed number of statements whatever
    their number (cancelling what runs: a few for each job). Locks the schedules SKIP LOCKED, then
    as a submit does, then the jobs to cancel ascending by id. Reads ix_schedules_next_fire_at.
    """
    rows = [_Due._make(row) for row in unit.rows(_due(unit.dialect), now=unit.now, limit=limit)]
    if not rows:
        return 0
    planned, broken = _plan_all(unit, rows)
    _cancel_running(unit, [item.row.id for item in planned if item.plan.replaces])
    _write_stretches(unit, planned)
    _insert(unit, planned)
    moved = [_moved(unit, item) for item in planned]
    unit.execute(_move(unit.dialect), moved)
    if broken:
        unit.execute(_halt(unit.dialect), broken)
    return len(moved) + len(broken)


@cache
def _due(dialect: Dialect) -> sa.Select[Any]:
    c = s.schedules.c
    columns = (
        c.id, c.rules, c.job, c.payload, c.workflow, c.owner_id, c.next_nominal_at, c.paused_until,
        c.last_fired_at, c.stretch_at, c.stretch_outcome,
    )  # fmt: skip
    locked = (
        sa.select(*columns)
        .where(s.DUE, c.next_fire_at <= sa.bindparam("now", type_=t.Micros))
        .order_by(c.next_fire_at, c.id)
        .limit(sa.bindparam("limit", type_=t.Integer))
        .with_for_update(skip_locked=True)
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(sa.select(*locked.c))


def _plan_all(unit: Unit, rows: list[_Due]) -> tuple[list[_Planned], list[tuple[Any, ...]]]:
    """The decisions, as many as fit a transaction; and schedules that can no longer be read."""
    planned: list[_Planned] = []
    broken: list[tuple[Any, ...]] = []
    ruled: list[tuple[_Due, ScheduleRules]] = [(row, decode_rules(row.rules)) for row in rows]
    watching = [row.id for row, rules in ruled if rules.overlap is not Overlap.ALLOW]
    busy = _busy(unit, watching) if watching else frozenset()
    walked = fires = 0
    for row, rules in ruled:
        if walked >= MAX_WALKED or fires >= MOST_FIRES:
            break
        try:
            decided = plan(
                rules, row.id, row.next_nominal_at, unit.now, busy=row.id in busy,
                paused_until=row.paused_until, most=max(MAX_WALKED - walked, 1_000),
            )  # fmt: skip
        except ValueError as error:  # a zone that this machine does not know, for instance
            logger.bind(schedule=row.id, error=str(error)).error("a schedule cannot be read")
            broken.append((row.id, unit.now, f"cannot be read: {error}"))
            continue
        walked += decided.walked
        fires += len(decided.fires)
        planned.append(_Planned(row, rules, decided))
    return planned, broken


def _busy(unit: Unit, schedule_ids: list[str]) -> frozenset[str]:
    """Which of the schedules have an unfinished job."""
    found = unit.rows(_unfinished(unit.dialect), [(id_,) for id_ in schedule_ids])
    return frozenset(row[0] for row in found)


@cache
def _unfinished(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(s.schedules.c.id)
    one = sa.select(a.job_id).where(a.schedule_id == batch.c.id).exists()
    return dialect.read(sa.select(batch.c.id).where(one))


def _cancel_running(unit: Unit, schedule_ids: list[str]) -> None:
    """Cancel every unfinished job of these schedules; one that ends meanwhile is left alone."""
    if not schedule_ids:
        return
    rows = unit.rows(_running(unit.dialect), [(id_,) for id_ in schedule_ids])
    for job_id, schedule_id in rows:
        try:
            cancel(unit, job_id, Action(f"schedule:{schedule_id}", "its next fire came"))
        except (IllegalTransition, JobNotFound):
            continue


@cache
def _running(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(s.schedules.c.id)
    return dialect.read(
        sa.select(a.job_id, a.schedule_id)
        .join_from(batch, t.active_jobs, a.schedule_id == batch.c.id)
        .order_by(a.job_id)
    )


def _write_stretches(unit: Unit, planned: list[_Planned]) -> None:
    rows: list[tuple[Any, ...]] = []
    for item in planned:
        for place, stretch in enumerate(item.plan.stretches):
            if stretch.outcome is FireOutcome.MISSED:
                _missed(unit, item.row.id, stretch)
            first = stretch.first
            if place == 0 and _continues(item, stretch):
                first = item.row.stretch_at or first
            rows.append(_stretch_row(unit, item.row.id, first, stretch))
    if rows:
        unit.execute(_upsert_stretches(unit.dialect), sorted(rows))


def _missed(unit: Unit, schedule_id: str, stretch: Stretch) -> None:
    unit.measured.note("schedules_missed", stretch.count)
    said = {"count": stretch.count, "first": rfc3339(stretch.first), "last": rfc3339(stretch.last)}
    note(unit, Topic.SCHEDULE_MISSED, [(schedule_id, said)])


def _continues(item: _Planned, stretch: Stretch) -> bool:
    """Whether the stretch goes on where the open one ended, nothing having fired between."""
    if item.row.stretch_outcome != stretch.outcome:
        return False
    return not item.plan.fires or item.plan.fires[0] > stretch.first


def _stretch_row(unit: Unit, schedule_id: str, first: int, stretch: Stretch) -> tuple[Any, ...]:
    return (schedule_id, first, stretch.last, stretch.count, stretch.outcome.value, unit.now)


def lapse(unit: Unit, schedule_id: str, stretch: Stretch) -> None:
    """Note times that did not fire, in a row of their own. The schedule must be locked."""
    row = _stretch_row(unit, schedule_id, stretch.first, stretch)
    unit.execute(_upsert_stretches(unit.dialect), [row])


@cache
def _upsert_stretches(dialect: Dialect) -> sa.Executable:
    c = s.fires.c
    batch = dialect.batch(c.schedule_id, c.nominal_at, c.until_at, c.count, c.outcome, c["at"])
    insert = dialect.upsert(s.fires).from_select(
        [*batch.c.keys(), "stretch"],
        sa.select(*batch.c, sa.literal_column("1")).where(sa.true()),
    )
    return insert.on_conflict_do_update(
        index_elements=["schedule_id", "nominal_at", "stretch"],
        set_={
            "until_at": insert.excluded.until_at,
            "count": c.count + insert.excluded.count,
            "at": insert.excluded["at"],
        },
    )


def _insert(unit: Unit, planned: list[_Planned]) -> None:
    firings = [
        Firing(row.id, row.owner_id, decode_template(row.job, row.payload, row.workflow), nominal)
        for row, fires in ((item.row, item.plan.fires) for item in planned)
        for nominal in fires
    ]
    insert_fires(unit, firings, FireOutcome.FIRED)
    late = [
        unit.now - due_at(item.rules, item.row.id, nominal)
        for item in planned
        for nominal in item.plan.fires
    ]
    unit.measured.observe("fire_delay", late)


@dataclass(slots=True)
class Firing:
    """One fire. `id` becomes that of its job or workflow; without `nominal_at` it is run now."""

    schedule_id: str
    owner_id: str | None
    template: Template
    nominal_at: int | None = None
    id: str = ""

    @property
    def job_id(self) -> str | None:
        return self.id if isinstance(self.template, JobTemplate) else None

    @property
    def workflow_id(self) -> str | None:
        return None if isinstance(self.template, JobTemplate) else self.id


def insert_fires(unit: Unit, firings: list[Firing], outcome: FireOutcome) -> list[Firing]:
    """Submit what belongs to each (schedule, nominal time) that has not fired; which those are.

    Gives them their ids. Three statements and those of a submit. The schedules must be locked.
    """
    if not firings:
        return []
    for firing, id_ in zip(firings, unit.ids.make(unit.now, len(firings)), strict=True):
        firing.id = id_
    rows = [
        (f.schedule_id, f.nominal_at, outcome.value, unit.now, f.job_id, f.workflow_id)
        for f in firings
    ]
    taken = unit.execute(_take(unit.dialect), rows).rowcount
    if taken != len(firings):
        kept = {row[0] for row in unit.rows(_taken(unit.dialect), rows)}
        firings = [firing for firing in firings if firing.id in kept]
    submit_all(unit, firings)
    return firings


def submit_all(unit: Unit, firings: list[Firing]) -> list[str]:
    """Submit what these fires are for, and say the first job of each."""
    alone: list[NewJob] = []
    submissions: list[Submission] = []
    first: list[str] = []
    for firing in firings:
        template = firing.template
        own = firing.job_id
        made = jobs(
            template,
            unit.ids.make(unit.now, size(template)) if own is None else [own],
            firing.owner_id,
        )
        for job in made:
            job.schedule_id, job.nominal_at = firing.schedule_id, firing.nominal_at
        first.append(made[0].id)
        if isinstance(template, JobTemplate):
            alone += made
            continue
        workflow = NewWorkflow(firing.id, template.name, firing.owner_id)
        submissions.append(Submission(made, unit.now, fired=True, tied=True, workflow=workflow))
    if alone:
        submissions.append(Submission(alone, unit.now, atomic=False, fired=True))
    submit(unit, submissions)
    return first


_TAKEN = ("schedule_id", "nominal_at", "outcome", "at", "job_id", "workflow_id")


@cache
def _take(dialect: Dialect) -> sa.Executable:
    c = s.fires.c
    batch = dialect.batch(*(c[name] for name in _TAKEN))
    return (
        dialect.upsert(s.fires)
        .from_select(
            [*_TAKEN, "until_at", "stretch", "count"],
            sa.select(
                *batch.c, batch.c.nominal_at, sa.literal_column("0"), sa.literal_column("1")
            ).where(sa.true()),
        )
        .on_conflict_do_nothing()
    )


@cache
def _taken(dialect: Dialect) -> sa.Select[Any]:
    c = s.fires.c
    batch = dialect.batch(*(c[name] for name in _TAKEN))
    mine = sa.func.coalesce(c.job_id, c.workflow_id)
    same = sa.and_(
        c.schedule_id == batch.c.schedule_id,
        c.nominal_at == batch.c.nominal_at,
        c.stretch == 0,
        mine == sa.func.coalesce(batch.c.job_id, batch.c.workflow_id),
    )
    return dialect.read(sa.select(mine.label("id")).join_from(batch, s.fires, same))


def _moved(unit: Unit, item: _Planned) -> tuple[Any, ...]:
    """Where a schedule stands after its plan, as `_move` takes it."""
    row, decided = item.row, item.plan
    nominal = decided.next_nominal
    due = None if nominal is None else due_at(item.rules, row.id, nominal)
    until = row.paused_until
    if until is not None and (nominal is None or nominal > until):
        until = None
    open_at, outcome = row.stretch_at, row.stretch_outcome
    if decided.fires:
        open_at = outcome = None
    if decided.stretches:
        last = decided.stretches[-1]
        if not decided.fires or last.last > decided.fires[-1]:
            extended = len(decided.stretches) == 1 and _continues(item, last)
            open_at = open_at if extended and open_at is not None else last.first
            outcome = last.outcome.value
    fired = unit.now if decided.fires else row.last_fired_at
    return (row.id, nominal, due, until, fired, open_at, outcome)


_MOVED = (
    "next_nominal_at", "next_fire_at", "paused_until", "last_fired_at", "stretch_at",
    "stretch_outcome",
)  # fmt: skip


@cache
def _move(dialect: Dialect) -> sa.Executable:
    c = s.schedules.c
    batch = dialect.batch(c.id, *(c[name] for name in _MOVED))
    return (
        sa.update(s.schedules)
        .where(c.id == batch.c.id)
        .values({name: batch.c[name] for name in _MOVED})
    )


@cache
def _halt(dialect: Dialect) -> sa.Executable:
    """Pause schedules that cannot be read, so that they do not hold up the others."""
    c = s.schedules.c
    batch = dialect.batch(c.id, c.paused_at, c.pause_reason)
    return (
        sa.update(s.schedules)
        .where(c.id == batch.c.id)
        .values(paused_at=batch.c.paused_at, pause_reason=batch.c.pause_reason, next_fire_at=None)
    )
