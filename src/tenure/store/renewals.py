"""Heartbeats and releases: keeping leases, finding lost ones, giving them back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain import ending as rules
from tenure.domain.errors import WorkerUnknown
from tenure.domain.lease import LeaseTerms
from tenure.store import tables as t
from tenure.store.checkpoints import keep_checkpoints
from tenure.store.dialect import Dialect
from tenure.store.endings import lock, write
from tenure.store.leases import cancels
from tenure.store.unit import Unit


@dataclass(slots=True)
class Beat:
    """One heartbeat: all leases its worker holds, (job_id, fence) to (progress, checkpoint) as
    JSON text, each None where unchanged."""

    worker_id: str
    leases: dict[tuple[str, int], tuple[str | None, str | None]]
    draining: bool = False


@dataclass(slots=True)
class Beaten:
    """`lost`: leases the worker listed and no longer has. `cancels`: (job_id, fence, reason)."""

    lost: list[tuple[str, int]] = field(default_factory=list)
    cancels: list[tuple[str, int, str | None]] = field(default_factory=list)
    drain: bool = False


@dataclass(slots=True)
class Released:
    """Leases to give back, as (job_id, fence) to whether the handler had started."""

    worker_id: str
    leases: dict[tuple[str, int], bool]


def renew(unit: Unit, beats: list[Beat], terms: LeaseTerms) -> list[Beaten | WorkerUnknown]:
    """Renew every lease of several workers: one read and one update, whatever their number.

    Renews leases granted or renewed more than half a heartbeat ago; never a reclaimed one. A
    lease granted more than a heartbeat ago that its worker does not list was never received and
    goes back, attempt and all. Locks `active_jobs` in job order.
    """
    known = _greet(unit, beats)
    holding = {worker_id for worker_id, (_, holds) in known.items() if holds}
    held = _held(unit, holding)
    found = cancels(unit, holding) if holding else {}
    changes = _Changes()
    answers: list[Beaten | WorkerUnknown] = []
    for beat in beats:
        if beat.worker_id not in known:
            answers.append(WorkerUnknown("this worker is not registered"))
            continue
        rows = held[beat.worker_id]
        lost = [lease for lease in beat.leases if lease not in rows]
        drain, _ = known[beat.worker_id]
        answers.append(Beaten(lost, found.get(beat.worker_id, []), drain))
        for lease, row in rows.items():
            changes.note(unit, terms, lease, row, beat.leases.get(lease))
    changes.write(unit)
    return answers


@dataclass(slots=True)
class _Changes:
    """What heartbeats change: leases renewed, leases never received, checkpoints."""

    renewed: list[tuple[Any, ...]] = field(default_factory=list)
    missing: list[tuple[str, int, str]] = field(default_factory=list)
    saved: list[tuple[str, str]] = field(default_factory=list)

    def note(
        self,
        unit: Unit,
        terms: LeaseTerms,
        lease: tuple[str, int],
        row: Any,
        told: tuple[str | None, str | None] | None,
    ) -> None:
        """One held lease, and its progress and checkpoint as its worker told them."""
        worker_id, _, _, granted_at, expires_at, deadline_at = row
        if told is None:
            if terms.never_received(unit.now, granted_at):
                self.missing.append((*lease, worker_id))
            return
        progress, checkpoint = told
        due = expires_at - terms.lease <= unit.now - terms.heartbeat // 2
        if due or progress is not None or checkpoint is not None:
            expires = terms.expires_at(unit.now, deadline_at) if due else expires_at
            self.renewed.append((*lease, worker_id, expires, progress, int(checkpoint is not None)))
        if checkpoint is not None:
            self.saved.append((lease[0], checkpoint))

    def write(self, unit: Unit) -> None:
        if self.renewed:
            unit.execute(_renew(unit.dialect), sorted(self.renewed, key=lambda row: row[0]))
        keep_checkpoints(unit, self.saved)
        if self.missing:
            gone = lock(unit, self.missing)
            write(unit, [rules.released(item, started=False) for item in gone.values()])


def _held(unit: Unit, holding: set[str]) -> dict[str, dict[tuple[str, int], Any]]:
    """The leases of these workers by (job_id, fence), locked in job order."""
    held: dict[str, dict[tuple[str, int], Any]] = defaultdict(dict)
    if holding:
        ids = sorted((worker_id,) for worker_id in holding)
        for row in unit.rows(_read_held(unit.dialect), ids):
            held[row[0]][row[1], row[2]] = row
    return held


def _greet(unit: Unit, beats: list[Beat]) -> dict[str, tuple[bool, bool]]:
    """Note that the workers are alive; known ones with whether they shall drain and whether they
    hold a lease."""
    rows = sorted((beat.worker_id, "draining" if beat.draining else "online") for beat in beats)
    unit.execute(_touch(unit.dialect), rows, now=unit.now)
    known = unit.rows(_read_known(unit.dialect), rows)
    return {row[0]: (bool(row[1]), bool(row[2])) for row in known}


@cache
def _touch(dialect: Dialect) -> sa.Executable:
    c = t.workers.c
    batch = dialect.batch(c.id, c.state)
    return (
        sa.update(t.workers)
        .where(c.id == batch.c.id, c.state != "gone")
        .values(state=batch.c.state, last_seen_at=sa.bindparam("now", type_=t.Micros))
    )


@cache
def _read_known(dialect: Dialect) -> sa.Select[Any]:
    c = t.workers.c
    batch = dialect.batch(c.id, c.state)
    holds = sa.select(sa.literal_column("1")).where(t.active_jobs.c.worker_id == c.id).exists()
    return dialect.read(
        sa.select(c.id, c.drain_requested, holds.label("holds"))
        .join_from(batch, t.workers, c.id == batch.c.id)
        .where(c.state != "gone")
    )


@cache
def _read_held(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(a.worker_id)
    locked = (
        sa.select(a.worker_id, a.job_id, a.fence, a.started_at, a.lease_expires_at, a.deadline_at)
        .where(a.worker_id.in_(sa.select(batch.c.worker_id)))
        .order_by(a.job_id)
        .with_for_update()
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(sa.select(*locked.c))


@cache
def _renew(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id, a.fence, a.worker_id, a.lease_expires_at, a.progress, a.ties)
    return (
        sa.update(t.active_jobs)
        .where(
            a.job_id == batch.c.job_id,
            a.fence == batch.c.fence,
            a.worker_id == batch.c.worker_id,
        )
        .values(
            lease_expires_at=batch.c.lease_expires_at,
            progress=sa.func.coalesce(batch.c.progress, a.progress),
            ties=a.ties.bitwise_or(batch.c.ties),
        )
    )


def release(unit: Unit, requests: list[Released]) -> list[int]:
    """Give leases back; how many of each request were still held. Others are left alone."""
    started = {
        (*lease, item.worker_id): flag for item in requests for lease, flag in item.leases.items()
    }
    held = lock(unit, list(started))
    write(
        unit,
        [
            rules.released(item, started=started[item.job_id, item.fence, item.worker_id])
            for item in held.values()
        ],
    )
    return [
        sum(1 for lease in item.leases if lease in held and held[lease].worker_id == item.worker_id)
        for item in requests
    ]
