"""The facts behind `domain.explain`: one bounded read of everything that decides about a job."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.edges import Condition, met
from tenure.domain.errors import JobNotFound
from tenure.domain.explain import MAX_AHEAD, MAX_NAMED, Act, Fleet, Holder, Situation
from tenure.domain.job import Reason, Tie
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.store import tables as t
from tenure.store.admission import DEFAULT_MAX_RUNNING, admitted
from tenure.store.dialect import Dialect
from tenure.store.history import events
from tenure.store.lanes import claimable
from tenure.store.options import decode_options
from tenure.store.queues import settings_of
from tenure.store.sight import visible
from tenure.store.tables_limits import limits
from tenure.store.tables_workflows import dependencies
from tenure.store.unit import Lane, Unit

MAX_CREWS = 1_000
"""Groups of workers alike that are looked at."""
MAX_LANES = 64
"""Lanes in which jobs ahead are counted."""
WINDOW = 10 * MINUTE
"""How far back starts are counted for an estimate."""
_LAST_EVENTS = 50
_WAITING = frozenset({JobState.SCHEDULED, JobState.BLOCKED, JobState.PENDING, JobState.PAUSED})
_NAMES = msgspec.json.Decoder(list[str])


class _Offer(msgspec.Struct):
    name: str


class _Error(msgspec.Struct):
    type: str = "Error"
    message: str = ""


_OFFERS = msgspec.json.Decoder(list[_Offer])
_ERROR = msgspec.json.Decoder(_Error)


def situation(unit: Unit, job_id: str, only: str | None = None) -> Situation:
    """A job and what decides about it. Locks nothing; a fixed number of statements, each by index
    and bounded, whatever waits. `only`: the owner whose job it must be, anybody's when None.
    Raises JobNotFound.
    """
    rows = unit.rows(_read_job(unit.dialect), job_id=job_id, only=only)
    if not rows:
        raise JobNotFound(f"there is no job {job_id}")
    row = dict(zip(_NAMES_OF_JOB, rows[0], strict=True))
    found = _told(row)
    happened = events(unit, job_id, _LAST_EVENTS)
    found.acts = {e.event: Act(e.event, e.at, e.actor, e.reason) for e in happened}
    skipped = found.state is JobState.SKIPPED
    if skipped or ((row["ties"] or 0) & Tie.PARENTS):
        _add_parents(unit, job_id, found, skipped)
    if found.state is JobState.BLOCKED and found.reason == Reason.CONCURRENCY_KEY:
        _add_key(unit, job_id, row["rank"], row["concurrency_key"], found)
    if found.state in _WAITING:
        found.gate = settings_of(unit, found.queue).gate
    if found.state is JobState.PENDING:
        _add_line(unit, job_id, row["rank"], found)
    return found


def _told(row: dict[str, Any]) -> Situation:
    options = decode_options(row["options"])
    attempt = row["attempt"]
    error = None if row["error"] is None else _ERROR.decode(row["error"])
    return Situation(
        state=JobState(row["state"]),
        queue=row["queue"],
        type=row["type"],
        reason=row["reason"],
        run_at=row["run_at"] or 0,
        expires_at=options.expires_at,
        attempt=attempt,
        max_attempts=row["max_attempts"] or max(options.max_attempts, attempt),
        lost=row["lost"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        lease_expires_at=row["lease_expires_at"],
        deadline_at=row["deadline_at"],
        cancel_requested=row["cancel_requested_at"] is not None,
        schedule_id=row["schedule_id"],
        nominal_at=row["nominal_at"],
        error=None if error is None else f"{error.type}: {error.message}"[:300],
        holder=None
        if row["holder_id"] is None
        else Holder(row["holder_id"], row["holder"], row["holder_state"], row["last_seen_at"]),
    )


_NAMES_OF_JOB = (
    "queue", "type", "options", "state", "reason", "attempt", "lost", "started_at", "error",
    "run_at", "max_attempts", "rank", "ties", "lease_expires_at", "deadline_at",
    "cancel_requested_at", "holder_id", "finished_at", "holder", "holder_state", "last_seen_at",
    "schedule_id", "nominal_at", "concurrency_key",
)  # fmt: skip


@cache
def _read_job(dialect: Dialect) -> sa.Select[Any]:
    j, a, r, w = t.jobs.c, t.active_jobs.c, t.runs.c, t.workers.c
    columns = (
        j.queue, j.type, j.options,
        sa.func.coalesce(a.state, r.final_state).label("state"),
        sa.func.coalesce(a.reason, r.reason).label("reason"),
        sa.func.coalesce(a.attempt, r.attempt).label("attempt"),
        sa.func.coalesce(a.lost, r.lost).label("lost"),
        sa.func.coalesce(a.started_at, r.started_at).label("started_at"),
        r.error, a.run_at, a.max_attempts, a.rank, a.ties, a.lease_expires_at, a.deadline_at,
        a.cancel_requested_at, a.worker_id, r.finished_at, w.name, w.state.label("worker_state"),
        w.last_seen_at, j.schedule_id, j.nominal_at, a.concurrency_key,
    )  # fmt: skip
    return dialect.read(
        sa.select(*columns)
        .select_from(t.jobs)
        .outerjoin(t.active_jobs, a.job_id == j.id)
        .outerjoin(t.runs, sa.and_(r.job_id == j.id, t.FINAL))
        .outerjoin(t.workers, w.id == a.worker_id)
        .where(
            j.id == sa.bindparam("job_id"),
            j.deleted_at.is_(None),
            visible(j.owner_id),
            sa.or_(a.state.is_not(None), t.FINAL),
        )
    )


def _add_parents(unit: Unit, job_id: str, found: Situation, skipped: bool) -> None:
    rows = unit.rows(_read_parents(unit.dialect, skipped), job_id=job_id, limit=MAX_NAMED)
    found.parent_ids = tuple(row[0] for row in rows)
    found.parents = rows[0][1] if rows else 0


@cache
def _read_parents(dialect: Dialect, broken: bool) -> sa.Select[Any]:
    """The first parents with an open edge, or with a broken one, and how many there are."""
    d, a, r = dependencies.c, t.active_jobs.c, t.runs.c
    edges = sa.select(d.parent_id).where(d.job_id == sa.bindparam("job_id"))
    if broken:
        wrong = [
            sa.and_(
                d.condition == on.value,
                r.final_state.not_in([s.value for s in sorted(TERMINAL) if met(on, s)]),
            )
            for on in Condition
        ]
        edges = edges.join(t.runs, sa.and_(r.job_id == d.parent_id, t.FINAL)).where(sa.or_(*wrong))
    else:
        edges = edges.join(t.active_jobs, a.job_id == d.parent_id)
    chosen = edges.cte("chosen")
    number = sa.select(sa.func.count()).select_from(chosen).scalar_subquery()
    return dialect.read(
        sa.select(chosen.c.parent_id, number.label("number"))
        .order_by(chosen.c.parent_id)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


def _add_key(unit: Unit, job_id: str, rank: int, key: str, found: Situation) -> None:
    """How full the job's concurrency key is, and what it admits before."""
    [row] = unit.rows(_read_key(unit.dialect), key=key, rank=rank, job_id=job_id)
    found.key = key
    found.key_admitted, limit, found.ahead = row
    found.key_limit = DEFAULT_MAX_RUNNING if limit is None else limit


@cache
def _read_key(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    key = sa.bindparam("key", type_=t.Text)
    before = (
        sa.select(a.rank)
        .where(a.concurrency_key == key, t.AWAITS_ADMISSION, sa.tuple_(a.rank, a.job_id) < _place())
        .order_by(a.rank, a.job_id)
        .limit(sa.literal_column(str(MAX_AHEAD + 1)))
        .subquery("before")
    )
    limit = sa.select(limits.c.max_running).where(limits.c.key == key).scalar_subquery()
    ahead = sa.select(sa.func.count()).select_from(before).scalar_subquery()
    return dialect.read(
        sa.select(admitted(key).label("admitted"), limit.label("most"), ahead.label("ahead"))
    )


def _place() -> sa.Tuple:
    """The place of a job in its line, to be compared with (rank, job_id)."""
    return sa.tuple_(sa.bindparam("rank", type_=t.Micros), sa.bindparam("job_id", type_=t.Uuid))


def _add_line(unit: Unit, job_id: str, rank: int, found: Situation) -> None:
    """Who would take a pending job, and what they take before it."""
    lane = (found.queue, found.type)
    lanes = {lane}
    online = serving = offering = draining = slots = held = 0
    for queues, types, drains, workers, their_slots, their_held in unit.rows(
        _read_crews(unit.dialect), limit=MAX_CREWS
    ):
        served = _NAMES.decode(queues)
        offered = [offer.name for offer in _OFFERS.decode(types)]
        online += workers
        serving += workers * (found.queue in served)
        if found.queue not in served or found.type not in offered:
            continue
        offering += workers
        if drains:
            draining += workers
            continue
        slots, held = slots + their_slots, held + their_held
        lanes |= {(queue, type_) for queue in served for type_ in offered}
    found.fleet = Fleet(online, serving, offering, draining, slots, held)
    looked_at = [lane, *sorted(lanes - {lane})[: MAX_LANES - 1]]
    place = {"rank": rank, "job_id": job_id, "now": unit.now}
    counts = unit.rows(_count_ahead(unit.dialect), looked_at, **place)
    found.ahead = min(sum(number for (number,) in counts), MAX_AHEAD + 1)
    found.starts_per_second = _starts_per_second(unit, looked_at)


@cache
def _read_crews(dialect: Dialect) -> sa.Select[Any]:
    """The workers online, together where they serve the same, by the rules of a claim."""
    c, a = t.workers.c, t.active_jobs.c
    holds = (
        sa.select(sa.func.count())
        .select_from(t.active_jobs)
        .where(a.worker_id == c.id)
        .correlate(t.workers)
        .scalar_subquery()
    )
    drains = sa.case((sa.or_(c.drain_requested > 0, c.state == "draining"), 1), else_=0)
    each = (
        sa.select(c.queues, c.types, drains.label("drains"), c.slots, holds.label("held"))
        .where(c.state.in_(["online", "draining"]))
        .subquery("each_worker")
    )
    e = each.c
    columns: tuple[Any, ...] = (
        e.queues, e.types, e.drains, sa.func.count(),
        sa.cast(sa.func.sum(e.slots), t.Integer), sa.cast(sa.func.sum(e.held), t.Integer),
    )  # fmt: skip
    return dialect.read(
        sa.select(*columns)
        .group_by(e.queues, e.types, e.drains)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


@cache
def _count_ahead(dialect: Dialect) -> sa.Select[Any]:
    """By lane, claimable jobs before a place, up to MAX_AHEAD + 1: one range of the ready index."""
    a = t.active_jobs.c
    batch = dialect.batch(a.queue, a.type)
    before = (
        sa.select(a.rank)
        .where(
            *claimable(batch.c.queue, batch.c.type),
            sa.tuple_(a.rank, a.job_id) < _place(),
        )
        .order_by(a.rank, a.job_id)
        .limit(sa.literal_column(str(MAX_AHEAD + 1)))
        .correlate(batch)
        .subquery("before")
    )
    number = sa.select(sa.func.count()).select_from(before).scalar_subquery()
    return dialect.read(sa.select(number.label("number")).select_from(batch))


def _starts_per_second(unit: Unit, lanes: list[Lane]) -> float:
    """How fast jobs of these lanes were leased in the last WINDOW, or since the first of them."""
    [(number, first)] = unit.rows(_count_starts(unit.dialect), lanes, since=unit.now - WINDOW)
    seconds: float = 1.0 if first is None else max((unit.now - first) / SECOND, 1.0)
    return int(number) / seconds


@cache
def _count_starts(dialect: Dialect) -> sa.Select[Any]:
    """Every lease granted leaves its delay in `stats`. Reads a range of its key."""
    c = t.stats.c
    batch = dialect.batch(c.queue, c.type)
    columns: tuple[Any, ...] = (
        sa.cast(sa.func.coalesce(sa.func.sum(c.count), 0), sa.BigInteger), sa.func.min(c.minute),
    )  # fmt: skip
    return dialect.read(
        sa.select(*columns)
        .join_from(batch, t.stats, sa.and_(c.queue == batch.c.queue, c.type == batch.c.type))
        .where(c.minute >= sa.bindparam("since", type_=t.Micros), c.measure.startswith("delay:"))
    )
