"""Reclaiming leases that ran out, and mending them after the clock stepped."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain import ending as rules
from tenure.domain.ending import Ending
from tenure.domain.lease import LeaseTerms
from tenure.domain.lifecycle import Event
from tenure.domain.notification import Topic
from tenure.domain.run import Outcome
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.endings import HELD_COLUMNS, to_held, write
from tenure.store.events import Happening, record
from tenure.store.options import decode_options
from tenure.store.outbox import note
from tenure.store.unit import Unit


def sweep(unit: Unit, max_lost: int, random: Callable[[], float], limit: int = 500) -> int:
    """Reclaim up to `limit` leases whose time is up; how many it was.

    Walks ix_active_jobs_leased from worker to worker, so a lease is found whether or not its
    worker has a row. Locks the rows in job order, SKIP LOCKED: what a report or another coordinator
    holds is theirs. `random` in [0, 1) spreads the backoff of timeouts.
    """
    found = unit.rows(_expired(unit.dialect), limit=limit, now=unit.now)
    endings = [rules.swept(to_held(unit, row), unit.now, max_lost, random()) for row in found]
    if endings:
        write(unit, endings)
        unit.measured.note("leases_expired", len(endings))
        record(unit, [_happening(ending) for ending in endings])
        lost = (ending for ending in endings if ending.outcome is Outcome.LOST)
        note(unit, Topic.JOB_LOST, ((e.held.job_id, {"lost": e.lost}) for e in lost))
    return len(endings)


def _happening(ending: Ending) -> Happening:
    held = ending.held
    reason: str | None = ending.reason if ending.final else None
    if reason is None and ending.outcome in (Outcome.LOST, Outcome.TIMEOUT):
        reason = ending.outcome
    return Happening(
        Event.EXPIRE_LEASE,
        job_id=held.job_id,
        reason=reason,
        detail={
            "fence": held.fence,
            "worker_id": held.worker_id,
            "attempt": held.attempt,
            "lost": ending.lost,
            "status": ending.state,
        },
    )


def _holders() -> sa.CTE:
    """The workers that hold leases, one probe of ix_active_jobs_leased each."""
    a = t.active_jobs.c

    def first(after: sa.ColumnElement[Any] | None) -> sa.ScalarSelect[Any]:
        query = sa.select(a.worker_id).where(t.LEASED).order_by(a.worker_id).limit(1)
        return (query if after is None else query.where(a.worker_id > after)).scalar_subquery()

    holders = sa.select(first(None).label("worker_id")).cte("holders", recursive=True)
    following = sa.select(first(holders.c.worker_id)).where(holders.c.worker_id.is_not(None))
    return holders.union_all(following)


def _leased_jobs(where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The ids of leased jobs, worker by worker."""
    holders, a = _holders(), t.active_jobs.c
    joined = sa.select(a.job_id).join_from(
        holders, t.active_jobs, a.worker_id == holders.c.worker_id
    )
    return joined.where(where)


def _among(candidates: sa.Select[Any]) -> sa.ColumnElement[bool]:
    found = candidates.cte("candidates").prefix_with("MATERIALIZED", dialect="postgresql")
    return t.active_jobs.c.job_id.in_(sa.select(found.c.job_id))


@cache
def _expired(dialect: Dialect) -> sa.Select[Any]:
    a, j = t.active_jobs.c, t.jobs.c
    over = sa.and_(t.LEASED, a.lease_expires_at <= sa.bindparam("now", type_=t.Micros))
    candidates = _leased_jobs(over).limit(sa.bindparam("limit", type_=t.Integer))
    locked = (
        sa.select(*HELD_COLUMNS)
        .where(_among(candidates), over)
        .order_by(a.job_id)
        .with_for_update(skip_locked=True)
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(
        sa.select(*locked.c, j.priority, j.options).join_from(
            locked, t.jobs, j.id == locked.c.job_id
        )
    )


def clamp(unit: Unit, terms: LeaseTerms, *, ahead: bool = False) -> int:
    """After the clock stepped back: no lease ends later than one granted now would, no timeout
    later than if the job had started now. How many rows it looked at.

    With `ahead` the clock jumped forward: every timeout counts anew from now, so that the jump
    ends no job. Locks the leased rows in job order. Repeatable, and by several coordinators.
    """
    latest = terms.expires_at(unit.now, None)
    clamped = []
    for job_id, expires, deadline, text in unit.rows(_leased(unit.dialect), latest=latest):
        timeout = decode_options(text).timeout_seconds
        ends = deadline
        if deadline is not None and timeout is not None:
            anew = terms.deadline_at(unit.now, timeout)
            ends = anew if ahead else min(deadline, anew)
        clamped.append((job_id, min(expires, latest), ends))
    if clamped:
        unit.execute(_clamp(unit.dialect), clamped)
    return len(clamped)


@cache
def _leased(dialect: Dialect) -> sa.Select[Any]:
    a, j = t.active_jobs.c, t.jobs.c
    beyond = a.lease_expires_at > sa.bindparam("latest", type_=t.Micros)
    clamped = sa.and_(t.LEASED, sa.or_(beyond, a.deadline_at.is_not(None)))
    locked = (
        sa.select(a.job_id, a.lease_expires_at, a.deadline_at)
        .where(_among(_leased_jobs(clamped)), clamped)
        .order_by(a.job_id)
        .with_for_update()
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(
        sa.select(*locked.c, j.options).join_from(locked, t.jobs, j.id == locked.c.job_id)
    )


@cache
def _clamp(dialect: Dialect) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id, a.lease_expires_at, a.deadline_at)
    return (
        sa.update(t.active_jobs)
        .where(a.job_id == batch.c.job_id)
        .values(lease_expires_at=batch.c.lease_expires_at, deadline_at=batch.c.deadline_at)
    )
