"""What a message says of whom it is about."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.tables_schedules import schedules
from tenure.store.tables_workflows import workflows
from tenure.store.unit import Unit

_LONGEST_ERROR = 1_000
_NAMED = {"schedule": schedules, "workflow": workflows}
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def facts(unit: Unit, kind: str, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """By id, those that are still there; of a worker everything was said when it was noted. One
    statement that reads by primary keys."""
    if not ids or kind not in ("job", *_NAMED):
        return {}
    rows = unit.rows(_about(unit.dialect, kind), [(id_,) for id_ in sorted(ids)])
    if kind == "job":
        return {row[0]: _job(row) for row in rows}
    return {id_: {"name": name} for id_, name in rows}


def _about(dialect: Dialect, kind: str) -> sa.Select[Any]:
    return _jobs(dialect) if kind == "job" else _names(dialect, kind)


def _job(row: Any) -> dict[str, Any]:
    _, type_, queue, name, tags, owner_id, schedule_id, state, attempt, reason, error = row
    failed = None if error is None else _any.decode(error)
    if isinstance(failed, dict):
        failed = {
            "type": failed.get("type"),
            "message": str(failed.get("message") or "")[:_LONGEST_ERROR],
        }
    return {
        "type": type_, "queue": queue, "name": name,
        "tags": [] if tags is None else _any.decode(tags), "owner_id": owner_id,
        "schedule_id": schedule_id, "status": state, "attempt": attempt, "reason": reason,
        "error": failed,
    }  # fmt: skip


@cache
def _names(dialect: Dialect, kind: str) -> sa.Select[Any]:
    c = _NAMED[kind].c
    batch = dialect.batch(c.id)
    return dialect.read(sa.select(c.id, c.name).join_from(batch, _NAMED[kind], c.id == batch.c.id))


@cache
def _jobs(dialect: Dialect) -> sa.Select[Any]:
    j, r, a = t.jobs.c, t.runs.c, t.active_jobs.c
    batch = dialect.batch(j.id)
    state = sa.func.coalesce(r.final_state, a.state)
    attempt = sa.func.coalesce(r.attempt, a.attempt)
    return dialect.read(
        sa.select(
            j.id, j.type, j.queue, j.name, j.tags, j.owner_id, j.schedule_id,
            state.label("state"), attempt.label("attempt"), r.reason, r.error,
        )
        .join_from(batch, t.jobs, j.id == batch.c.id)
        .outerjoin(t.runs, sa.and_(r.job_id == j.id, t.FINAL))
        .outerjoin(t.active_jobs, a.job_id == j.id)
    )  # fmt: skip
