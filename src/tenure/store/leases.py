"""Leases: claiming, renewing, releasing. Every claim makes a new fence."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from tenure.domain.errors import InvalidInput, WorkerUnknown
from tenure.domain.lease import LeaseTerms
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.options import decode_options
from tenure.store.unit import Lane, Unit

MAX_LANES = 16
_LANE_COUNTS = (1, 2, 4, 8, MAX_LANES)
_NAMES = msgspec.json.Decoder(list[str])


@dataclass(slots=True)
class Claim:
    """A worker asks for up to `slots` jobs of these queues and types."""

    worker_id: str
    queues: tuple[str, ...]
    types: tuple[str, ...]
    slots: int

    def lanes(self) -> tuple[Lane, ...]:
        return tuple((queue, type_) for queue in self.queues for type_ in self.types)


@dataclass(slots=True)
class Claimed:
    """`rows` in order of claim, each: job_id, fence, attempt, max_attempts, type, name, queue,
    payload, tags (JSON text or None), timeout_seconds, checkpoint (JSON text or None)."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    cancels: list[tuple[str, int, str | None]] = field(default_factory=list)
    drain: bool = False


@dataclass(slots=True)
class _Candidate:
    claim: Claim
    free: int
    answer: Claimed


def claim(
    unit: Unit, claims: list[Claim], terms: LeaseTerms
) -> list[Claimed | WorkerUnknown | InvalidInput]:
    """Lease pending jobs to workers, by rank then id.

    Claims of the same lanes share one read of the ready index, bounded by the sum of their slots.
    Locks the rows it takes, SKIP LOCKED, so coordinators never wait for each other. Not
    repeatable: each call makes new fences.
    """
    known = _workers(unit, claims)
    answers: list[Claimed | WorkerUnknown | InvalidInput] = []
    left = {worker_id: row[3] - row[5] for worker_id, row in known.items()}
    groups: dict[tuple[Lane, ...], list[_Candidate]] = defaultdict(list)
    for item in claims:
        worker = known.get(item.worker_id)
        if worker is None:
            answers.append(WorkerUnknown("this worker is not registered"))
            continue
        refusal = _refusal(item, worker)
        if refusal is not None:
            answers.append(refusal)
            continue
        answer = Claimed(drain=bool(worker[4]))
        answers.append(answer)
        free = min(item.slots, left[item.worker_id])
        if free > 0 and not answer.drain:
            left[item.worker_id] -= free
            groups[item.lanes()].append(_Candidate(item, free, answer))
    for lanes, candidates in groups.items():
        _lease(unit, lanes, candidates, terms)
    _add_cancels(unit, claims, answers)
    return answers


def _workers(unit: Unit, claims: list[Claim]) -> dict[str, Any]:
    ids = sorted({item.worker_id for item in claims})
    rows = unit.rows(_read_workers(unit.dialect), [(worker_id,) for worker_id in ids])
    return {row[0]: row for row in rows}


def _refusal(item: Claim, worker: Any) -> InvalidInput | None:
    """A worker gets only what it registered (invariant I12)."""
    for pointer, asked, offered in (
        ("queues", item.queues, _NAMES.decode(worker[1])),
        ("types", item.types, [entry["name"] for entry in msgspec.json.decode(worker[2])]),
    ):
        foreign = set(asked).difference(offered)
        if foreign:
            return InvalidInput.field(pointer, f"{min(foreign)} was not registered by this worker")
    return None


@cache
def _read_workers(dialect: Dialect) -> sa.Select[Any]:
    c, a = t.workers.c, t.active_jobs.c
    batch = dialect.batch(c.id)
    held = (
        sa.select(sa.func.count())
        .select_from(t.active_jobs)
        .where(a.worker_id == c.id)
        .scalar_subquery()
    )
    return dialect.read(
        sa.select(
            c.id,
            c.queues,
            c.types,
            c.slots,
            c.drain_requested,
            held.label("held"),
        )
        .join_from(batch, t.workers, c.id == batch.c.id)
        .where(c.state != "gone")
    )


def _lease(
    unit: Unit, lanes: tuple[Lane, ...], candidates: list[_Candidate], terms: LeaseTerms
) -> None:
    wanted = sum(candidate.free for candidate in candidates)
    rows = _pending(unit, lanes, wanted)
    if not rows:
        return
    checkpoints = _checkpoints(unit, [row[0] for row in rows if row[10]])
    grants = []
    waiting: dict[Lane, list[int]] = defaultdict(list)
    place = 0
    for row in rows:
        job_id, fence, attempt, max_attempts, type_, name, queue, payload, tags, text = row[:10]
        while candidates[place].free == 0:
            place = (place + 1) % len(candidates)
        candidate = candidates[place]
        candidate.free -= 1
        place = (place + 1) % len(candidates)
        timeout = None if text is None else decode_options(text).timeout_seconds
        deadline = None if timeout is None else terms.deadline_at(unit.now, timeout)
        expires = terms.expires_at(unit.now, deadline)
        grants.append((job_id, candidate.claim.worker_id, expires, deadline))
        candidate.answer.rows.append(
            (
                job_id, fence + 1, attempt + 1, max_attempts, type_, name, queue, payload, tags,
                timeout, checkpoints.get(job_id),
            )
        )  # fmt: skip
        waiting[queue, type_].append(unit.now - row[11])
    unit.execute(_grant(unit.dialect), grants, now=unit.now)
    for lane, spans in waiting.items():
        unit.observe(lane, "delay", spans)
        unit.ready[lane] -= len(spans)


def _pending(unit: Unit, lanes: tuple[Lane, ...], limit: int) -> list[Any]:
    """The first `limit` pending rows over the lanes, by rank then id, locked."""
    cutoff: int | None = None
    if len(lanes) > MAX_LANES:
        heads = sorted(
            (rank, queue, type_)
            for queue, type_, rank in unit.rows(_heads(unit.dialect), list(lanes), now=unit.now)
            if rank is not None
        )
        lanes = tuple((queue, type_) for _, queue, type_ in heads[:MAX_LANES])
        if len(heads) > MAX_LANES:
            cutoff = heads[MAX_LANES][0]
        if not lanes:
            return []
    count = next(number for number in _LANE_COUNTS if number >= len(lanes))
    params: dict[str, Any] = {"limit": limit, "now": unit.now, "cutoff": cutoff}
    for index in range(count):
        queue, type_ = lanes[index] if index < len(lanes) else ("", "")
        params[f"queue_{index}"], params[f"type_{index}"] = queue, type_
    rows = unit.rows(_read_pending(unit.dialect, count, cutoff is not None), **params)
    return rows if count == 1 else sorted(rows, key=lambda row: (row[12], row[0]))


def _not_expired() -> sa.ColumnElement[bool]:
    """`expires_at` counts only until a job first starts."""
    a = t.active_jobs.c
    now = sa.bindparam("now", type_=t.Micros)
    return sa.or_(a.expires_at.is_(None), a.expires_at > now, a.attempt > 0)


def _ready_lane(index: int, below: bool) -> sa.Select[Any]:
    """One short range of the ready index (ix_active_jobs_ready)."""
    a = t.active_jobs.c
    lane = (
        sa.select(a.job_id)
        .where(
            a.queue == sa.bindparam(f"queue_{index}", type_=t.Text),
            a.type == sa.bindparam(f"type_{index}", type_=t.Text),
            t.READY,
            _not_expired(),
        )
        .order_by(a.rank, a.job_id)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )
    return lane.where(a.rank <= sa.bindparam("cutoff", type_=t.Micros)) if below else lane


@cache
def _read_pending(dialect: Dialect, lanes: int, below: bool) -> sa.Select[Any]:
    a, j = t.active_jobs.c, t.jobs.c
    columns = (
        a.job_id, a.fence, a.attempt, a.max_attempts, a.type, j.name, a.queue, j.payload, j.tags,
        j.options, a.has_checkpoint, a.run_at, a.rank,
    )  # fmt: skip
    picked = [
        _ready_lane(index, below)
        .with_for_update(skip_locked=True)
        .cte(f"lane_{index}")
        .prefix_with("MATERIALIZED", dialect="postgresql")
        for index in range(lanes)
    ]
    found = (
        picked[0]
        if lanes == 1
        else sa.union_all(*(sa.select(lane.c.job_id) for lane in picked)).subquery("lanes")
    )
    return dialect.read(
        sa.select(*columns)
        .select_from(found)
        .join(t.active_jobs, a.job_id == found.c.job_id)
        .join(t.jobs, j.id == a.job_id)
        .order_by(a.rank, a.job_id)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


def lanes_with_work(unit: Unit, lanes: list[Lane]) -> list[Lane]:
    """Those of the lanes that have a pending job. One index seek a lane, locks nothing."""
    rows = unit.rows(_heads(unit.dialect), lanes, now=unit.now)
    return [(queue, type_) for queue, type_, rank in rows if rank is not None]


@cache
def _heads(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(a.queue, a.type)
    first = (
        sa.select(a.rank)
        .where(
            a.queue == batch.c.queue,
            a.type == batch.c.type,
            t.READY,
            _not_expired(),
        )
        .order_by(a.rank, a.job_id)
        .limit(1)
        .scalar_subquery()
    )
    return dialect.read(sa.select(batch.c.queue, batch.c.type, first.label("rank")))


@cache
def _grant(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id, a.worker_id, a.lease_expires_at, a.deadline_at)
    return (
        sa.update(t.active_jobs)
        .where(a.job_id == batch.c.job_id)
        .values(
            state=sa.literal_column("'running'"),
            reason=None,
            fence=a.fence + 1,
            attempt=a.attempt + 1,
            worker_id=batch.c.worker_id,
            lease_expires_at=batch.c.lease_expires_at,
            deadline_at=batch.c.deadline_at,
            started_at=sa.bindparam("now", type_=t.Micros),
            progress=None,
        )
    )


def _checkpoints(unit: Unit, job_ids: list[str]) -> dict[str, str]:
    if not job_ids:
        return {}
    rows = unit.rows(_read_checkpoints(unit.dialect), [(job_id,) for job_id in job_ids])
    return {row[0]: row[1] for row in rows}


@cache
def _read_checkpoints(dialect: Dialect) -> sa.Select[Any]:
    c = t.checkpoints.c
    batch = dialect.batch(c.job_id)
    return dialect.read(
        sa.select(c.job_id, c.data).join_from(batch, t.checkpoints, c.job_id == batch.c.job_id)
    )


def _add_cancels(
    unit: Unit, claims: list[Claim], answers: list[Claimed | WorkerUnknown | InvalidInput]
) -> None:
    found = cancels(unit, {item.worker_id for item in claims})
    for item, answer in zip(claims, answers, strict=True):
        if isinstance(answer, Claimed):
            answer.cancels = found.get(item.worker_id, [])


def cancels(unit: Unit, worker_ids: set[str]) -> dict[str, list[tuple[str, int, str | None]]]:
    """Leases of these workers whose cancel was requested: (job_id, fence, reason) by worker."""
    rows = unit.rows(
        _read_cancels(unit.dialect), [(worker_id,) for worker_id in sorted(worker_ids)]
    )
    found: dict[str, list[tuple[str, int, str | None]]] = defaultdict(list)
    for worker_id, job_id, fence, reason in rows:
        found[worker_id].append((job_id, fence, reason))
    return found


@cache
def _read_cancels(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(a.worker_id)
    return dialect.read(
        sa.select(a.worker_id, a.job_id, a.fence, a.cancel_reason)
        .join_from(batch, t.active_jobs, a.worker_id == batch.c.worker_id)
        .where(t.CANCELLING)
    )
