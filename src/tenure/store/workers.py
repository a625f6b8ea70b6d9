"""The fleet: workers that register, fall silent and leave, and the coordinators beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain import ending as rules
from tenure.domain.errors import WorkerNotFound
from tenure.domain.lease import LeaseTerms
from tenure.domain.notification import Topic
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.endings import lock, write
from tenure.store.events import Happening, record
from tenure.store.outbox import note
from tenure.store.unit import Unit, json_text

ONLINE, DRAINING, LOST, GONE = "online", "draining", "lost", "gone"
_BEYOND_LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


@dataclass(frozen=True, slots=True)
class NewWorker:
    """A worker that introduces itself. `types` maps each type to the JSON Schema of its payload
    or None."""

    id: str
    name: str
    hostname: str
    pid: int
    version: str
    protocol: int
    queues: tuple[str, ...]
    types: Mapping[str, Any]
    slots: int
    labels: Mapping[str, str]


class WorkerRow(NamedTuple):
    """A worker; `queues` (array), `types` (array of {name, schema}), `labels` (object) as JSON
    text, instants in microseconds. `running` counts its leases."""

    id: str
    name: str
    hostname: str
    pid: int
    version: str
    state: str
    queues: str
    types: str
    slots: int
    labels: str
    drain_requested: int
    registered_at: int
    last_seen_at: int
    running: int


def register(unit: Unit, worker: NewWorker) -> None:
    """Insert a worker, online from now. Its id is new."""
    types = [{"name": name, "schema": schema} for name, schema in worker.types.items()]
    unit.execute(
        sa.insert(t.workers),
        id=worker.id,
        name=worker.name,
        hostname=worker.hostname,
        pid=worker.pid,
        version=worker.version,
        protocol=worker.protocol,
        queues=json_text(worker.queues),
        types=json_text(types),
        slots=worker.slots,
        labels=json_text(worker.labels),
        state=ONLINE,
        drain_requested=0,
        registered_at=unit.now,
        last_seen_at=unit.now,
    )


def goodbye(unit: Unit, worker_id: str) -> int:
    """A worker leaves; how many leases it still held. They are released as started, since a
    handler may have begun. Repeatable. Raises WorkerNotFound.

    Locks its leases in job order, then its own row.
    """
    get_worker(unit, worker_id)
    held = unit.rows(_read_leases(unit.dialect), worker=worker_id)
    leases = lock(unit, [(job_id, fence, worker_id) for job_id, fence in held])
    write(unit, [rules.released(item, started=True) for item in leases.values()])
    unit.execute(_leave(), worker=worker_id, now=unit.now)
    return len(leases)


@cache
def _read_leases(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    return dialect.read(
        sa.select(a.job_id, a.fence).where(
            a.worker_id == sa.bindparam("worker", type_=t.Uuid), t.LEASED
        )
    )


@cache
def _leave() -> sa.Executable:
    return (
        sa.update(t.workers)
        .where(t.workers.c.id == sa.bindparam("worker", type_=t.Uuid), t.workers.c.state != GONE)
        .values(state=GONE, last_seen_at=sa.bindparam("now", type_=t.Micros))
    )


def drain(unit: Unit, worker_id: str, actor: str | None = None) -> None:
    """Ask a worker to take no more jobs; it hears of it at once. Repeatable.

    Raises WorkerNotFound, also for one that has left.
    """
    worker = get_worker(unit, worker_id)
    if worker.state == GONE:
        raise WorkerNotFound(f"worker {worker_id} has left")
    if not worker.drain_requested:
        unit.execute(_request_drain(), worker=worker_id)
        record(unit, [Happening("drain", actor=actor, detail=_about(worker_id, worker.name))])
    unit.woken.add(worker_id)


def _about(worker_id: str, name: str) -> dict[str, Any]:
    return {"worker_id": worker_id, "name": name}


@cache
def _request_drain() -> sa.Executable:
    c = t.workers.c
    return (
        sa.update(t.workers)
        .where(c.id == sa.bindparam("worker", type_=t.Uuid))
        .values(drain_requested=1)
    )


def get_worker(unit: Unit, worker_id: str) -> WorkerRow:
    """One worker, whatever its state. Raises WorkerNotFound."""
    rows = unit.rows(_read_worker(unit.dialect), worker=worker_id)
    if not rows:
        raise WorkerNotFound(f"there is no worker {worker_id}")
    return WorkerRow._make(rows[0])


def list_workers(unit: Unit, before: str | None = None, limit: int = 1_000) -> list[WorkerRow]:
    """Workers beyond the worker `before`, newest first; gone ones too, until forgotten."""
    rows = unit.rows(_read_workers(unit.dialect), before=before or _BEYOND_LAST, limit=limit)
    return [WorkerRow._make(row) for row in rows]


def _worker_columns() -> tuple[Any, ...]:
    c = t.workers.c
    running = (
        sa.select(sa.func.count())
        .select_from(t.active_jobs)
        .where(t.active_jobs.c.worker_id == c.id)
        .scalar_subquery()
        .label("running")
    )
    return (
        c.id, c.name, c.hostname, c.pid, c.version, c.state, c.queues, c.types, c.slots, c.labels,
        c.drain_requested, c.registered_at, c.last_seen_at, running,
    )  # fmt: skip


@cache
def _read_worker(dialect: Dialect) -> sa.Select[Any]:
    asked = sa.bindparam("worker", type_=t.Uuid)
    return dialect.read(sa.select(*_worker_columns()).where(t.workers.c.id == asked))


@cache
def _read_workers(dialect: Dialect) -> sa.Select[Any]:
    c = t.workers.c
    return dialect.read(
        sa.select(*_worker_columns())
        .where(c.id < sa.bindparam("before", type_=t.Uuid))
        .order_by(c.id.desc())
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


def reap(unit: Unit, terms: LeaseTerms, limit: int = 500) -> int:
    """Mark workers lost that were silent for more than one lease; how many it was.

    Their leases stay: the sweeper takes each when its own time is up. A lost worker that is heard
    again is online again. Locks the rows SKIP LOCKED; reads all of `workers`.
    """
    rows = unit.rows(_silent(unit.dialect), before=unit.now - terms.lease, limit=limit)
    if rows:
        unit.execute(_lose(unit.dialect), sorted((row[0],) for row in rows))
        record(unit, [Happening("worker_lost", detail=_about(*row)) for row in rows])
        note(unit, Topic.WORKER_LOST, ((id_, {"name": name}) for id_, name in rows))
    return len(rows)


@cache
def _silent(dialect: Dialect) -> sa.Select[Any]:
    c = t.workers.c
    locked = (
        sa.select(c.id, c.name)
        .where(
            c.state.in_((ONLINE, DRAINING)),
            c.last_seen_at < sa.bindparam("before", type_=t.Micros),
        )
        .order_by(c.id)
        .limit(sa.bindparam("limit", type_=t.Integer))
        .with_for_update(skip_locked=True)
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(sa.select(*locked.c))


@cache
def _lose(dialect: Dialect) -> sa.Executable:
    c = t.workers.c
    batch = dialect.batch(c.id)
    return sa.update(t.workers).where(c.id.in_(sa.select(batch.c.id))).values(state=LOST)


def forget(unit: Unit, before: int, limit: int = 500) -> int:
    """Delete lost and gone workers last seen before an instant (microseconds) that hold no lease;
    how many it was. Locks the rows SKIP LOCKED; reads all of `workers`."""
    deleted: int = unit.execute(_forget(), before=before, limit=limit).rowcount
    return deleted


@cache
def _forget() -> sa.Executable:
    c = t.workers.c
    holds = sa.exists().where(t.active_jobs.c.worker_id == c.id)
    old = (
        sa.select(c.id)
        .where(
            c.state.in_((LOST, GONE)),
            c.last_seen_at < sa.bindparam("before", type_=t.Micros),
            ~holds,
        )
        .order_by(c.id)
        .limit(sa.bindparam("limit", type_=t.Integer))
        .with_for_update(skip_locked=True)
    )
    return sa.delete(t.workers).where(c.id.in_(old))
