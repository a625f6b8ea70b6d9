"""Short scenes: jobs submitted, leased and ended through the store's own verbs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tenure.domain.ids import IdSource
from tenure.domain.lease import LeaseTerms
from tenure.domain.run import Report, ReportStatus
from tenure.store import schedules
from tenure.store import tables as t
from tenure.store import tables_schedules as s
from tenure.store.control import Action
from tenure.store.leases import Claim, Claimed, claim
from tenure.store.reports import report as settle
from tenure.store.submits import Submission, submit
from tests.builders import NOW, new_jobs, new_schedule
from tests.store.opened import OpenedStore


def submitted(store: OpenedStore, count: int, type_: str = "echo", **changes: Any) -> list[str]:
    """Submit `count` jobs now; their ids, ascending and beyond all former ones."""
    jobs = new_jobs(count, type_, **changes)
    [(before,)] = store.rows(sa.select(sa.func.count()).select_from(t.jobs))
    for job, id_ in zip(jobs, IdSource().make(NOW + before * 1000, count), strict=True):
        job.id = id_
    store.run(submit, [Submission(jobs, store.now)])
    return [job.id for job in jobs]


def scheduled(store: OpenedStore, **changes: Any) -> str:
    """Create a schedule now; its id."""
    new = new_schedule(**changes)
    store.run(schedules.create, new, Action("ann"))
    return new.id


def ledger(store: OpenedStore, schedule_id: str) -> list[tuple[int, int, int, str]]:
    """The fires of a schedule as (first, last, count, outcome), in order of time."""
    c = s.fires.c
    statement = sa.select(c.nominal_at, c.until_at, c["count"], c.outcome)
    found = store.rows(
        statement.where(c.schedule_id == schedule_id).order_by(c.nominal_at, c.stretch)
    )
    return [tuple(row) for row in found]


def schedule_row(store: OpenedStore, schedule_id: str) -> dict[str, Any]:
    """The row of a schedule, deleted or not."""
    (row,) = store.rows(sa.select(s.schedules).where(s.schedules.c.id == schedule_id))
    return dict(row._mapping)


def worker(store: OpenedStore, worker_id: str, slots: int = 1000, **changes: Any) -> None:
    """A worker of queue `default` and types `echo` and `other`, registered now."""
    values = {
        "id": worker_id, "name": "w", "hostname": "h", "pid": 1, "version": "1", "protocol": 1,
        "queues": '["default","mail"]', "types": '[{"name":"echo"},{"name":"other"}]',
        "slots": slots, "labels": "{}", "state": "online",
        "drain_requested": 0, "registered_at": store.now, "last_seen_at": store.now,
    } | changes  # fmt: skip
    store.execute(sa.insert(t.workers).values(values))


def claimed(
    store: OpenedStore,
    worker_id: str,
    slots: int = 1000,
    queues: tuple[str, ...] = ("default", "mail"),
) -> list[tuple[Any, ...]]:
    """What the worker leases now; it is registered if it was not."""
    if not store.rows(sa.select(t.workers.c.id).where(t.workers.c.id == worker_id)):
        worker(store, worker_id)
    wanted = Claim(worker_id, queues, ("echo", "other"), slots)
    answer = store.run(claim, [wanted], LeaseTerms())[0]
    assert isinstance(answer, Claimed)
    return answer.rows


def ended(store: OpenedStore, *reports: Report) -> None:
    """Settle reports; all of them must be accepted."""
    answers = store.run(settle, [list(reports)], lambda: 0.5)
    assert answers == [[ReportStatus.ACCEPTED] * len(reports)]


def events(store: OpenedStore, job_id: str) -> list[tuple[str, str | None, str | None]]:
    """The events of a job as (event, actor, reason), in order."""
    c = t.events.c
    statement = sa.select(c.event, c.actor, c.reason).where(c.job_id == job_id)
    return [tuple(row) for row in store.rows(statement.order_by(c.at, c.id))]
