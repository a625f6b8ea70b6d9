"""What must hold of a store at rest: the invariants of `docs/semantics.md` that its rows can show,
and the chain of the audit. Reads only; safe beside a coordinator at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.audit import Head, breaks
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.store import tables as t
from tenure.store import tables_limits as lim
from tenure.store import tables_workflows as w
from tenure.store.admission import DEFAULT_MAX_RUNNING
from tenure.store.audit import head, links
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit

MAX_TOLD = 20
"""Of each check so many faults are told."""
_LINES_AT_ONCE = 1_000
_A, _J, _R = t.active_jobs.c, t.jobs.c, t.runs.c


@dataclass(frozen=True, slots=True)
class Checked:
    """`what` was looked at; `faults` in words, empty when it holds, at most MAX_TOLD."""

    what: str
    faults: tuple[str, ...]


def verify(unit: Unit, noted: Head | None = None) -> Iterator[Checked]:
    """Check by check. `noted`: an end of the chain that somebody wrote down, which must still be
    part of it. Each check reads its tables once, whole."""
    for what, fault, statement in _CHECKS:
        rows = unit.rows(_limited(unit.dialect, statement))
        yield Checked(what, tuple(fault.format(row[0]) for row in rows))
    yield Checked("the audit is as it was written", tuple(_chain(unit, noted)))


def _chain(unit: Unit, noted: Head | None) -> list[str]:
    found: list[str] = []
    # The end first: what a coordinator chains meanwhile lies beyond it.
    end, at, seen = head(unit), Head(), noted is None or noted == Head()
    while lines := links(unit, at.place, _LINES_AT_ONCE):
        found += breaks(at, lines)
        seen = seen or any(
            noted is not None and (line.place, line.digest) == (noted.place, noted.digest)
            for line in lines
        )
        at = Head(lines[-1].place or 0, lines[-1].digest or "")
    if at != end and at.place <= end.place:
        found.append(f"the audit ends at line {at.place}, it went up to line {end.place}")
    if head(unit).place < at.place:
        found.append(f"the end of the audit was moved back from line {at.place}")
    if not seen and noted is not None:
        found.append(f"the audit no longer holds line {noted.place} with the digest you noted")
    return found[:MAX_TOLD]


@cache
def _limited(dialect: Dialect, statement: Callable[[], sa.Select[Any]]) -> sa.Select[Any]:
    return dialect.read(statement().limit(MAX_TOLD))


def _neither() -> sa.Select[Any]:
    return (
        sa.select(_J.id)
        .outerjoin(t.active_jobs, _A.job_id == _J.id)
        .outerjoin(t.runs, sa.and_(_R.job_id == _J.id, t.FINAL))
        .where(_A.job_id.is_(None), _R.job_id.is_(None))
    )


def _both() -> sa.Select[Any]:
    return sa.select(_A.job_id).join_from(
        t.active_jobs, t.runs, sa.and_(_R.job_id == _A.job_id, t.FINAL)
    )


def _orphans() -> sa.Select[Any]:
    return (
        sa.select(_A.job_id)
        .outerjoin_from(t.active_jobs, t.jobs, _J.id == _A.job_id)
        .where(_J.id.is_(None))
    )


def _fences() -> sa.Select[Any]:
    ahead = sa.or_(_R.fence > _A.fence, sa.and_(_R.fence == _A.fence, _A.worker_id.is_not(None)))
    return sa.select(_A.job_id).join_from(
        t.active_jobs, t.runs, sa.and_(_R.job_id == _A.job_id, ahead)
    )


def _strangers() -> sa.Select[Any]:
    return (
        sa.select(_A.job_id)
        .outerjoin_from(t.active_jobs, t.workers, t.workers.c.id == _A.worker_id)
        .where(t.LEASED, t.workers.c.id.is_(None))
    )


def _attempts() -> sa.Select[Any]:
    return sa.select(_A.job_id).where(_A.attempt > _A.max_attempts)


def _admitted(states: tuple[JobState, ...]) -> sa.Subquery:
    return (
        sa.select(_A.concurrency_key.label("key"), sa.func.count().label("number"))
        .where(t.KEYED, _A.state.in_([sa.literal_column(f"'{state}'") for state in states]))
        .group_by(_A.concurrency_key)
        .subquery()
    )


def _exceeded() -> sa.Select[Any]:
    """A limit that somebody set may have been lowered below what was admitted before."""
    used = _admitted((JobState.PENDING, JobState.RUNNING))
    return (
        sa.select(used.c.key)
        .outerjoin_from(used, lim.limits, lim.limits.c.key == used.c.key)
        .where(
            lim.limits.c.updated_at.is_(None),
            used.c.number > sa.literal_column(str(DEFAULT_MAX_RUNNING)),
        )
    )


def _leaked() -> sa.Select[Any]:
    used = _admitted((JobState.PENDING, JobState.RUNNING))
    waiting = (
        sa.select(_A.concurrency_key.label("key")).where(t.AWAITS_ADMISSION).distinct().subquery()
    )
    most = sa.func.coalesce(lim.limits.c.max_running, sa.literal_column(str(DEFAULT_MAX_RUNNING)))
    return (
        sa.select(waiting.c.key)
        .select_from(waiting)
        .outerjoin(used, used.c.key == waiting.c.key)
        .outerjoin(lim.limits, lim.limits.c.key == waiting.c.key)
        .where(sa.func.coalesce(used.c.number, sa.literal_column("0")) < most)
    )


def _counting() -> sa.Select[Any]:
    """Jobs that count against what their queue may run, and do not run."""
    return sa.select(_A.job_id).where(t.COUNTED, _A.worker_id.is_(None))


def _forgotten() -> sa.Select[Any]:
    """Jobs that wait for others of which none is unfinished."""
    parent = t.active_jobs.alias("parent")
    unfinished = (
        sa.select(sa.literal_column("1"))
        .select_from(w.dependencies)
        .join(parent, parent.c.job_id == w.dependencies.c.parent_id)
        .where(w.dependencies.c.job_id == _A.job_id)
        .correlate(t.active_jobs)
        .exists()
    )
    return sa.select(_A.job_id).where(_A.waits > sa.literal_column("0"), ~unfinished)


def _unfinished() -> sa.Select[Any]:
    """Workflows that count as finished while a job of theirs is not."""
    return (
        sa.select(w.workflow_counts.c.workflow_id)
        .join_from(
            w.workflow_counts,
            w.workflow_jobs,
            w.workflow_jobs.c.workflow_id == w.workflow_counts.c.workflow_id,
        )
        .join(t.active_jobs, _A.job_id == w.workflow_jobs.c.job_id)
        .where(w.workflow_counts.c.finished_at.is_not(None))
        .distinct()
    )


def _unknown_ends() -> sa.Select[Any]:
    known: list[sa.ColumnElement[str]] = [
        sa.literal_column(f"'{state}'") for state in sorted(TERMINAL)
    ]
    return sa.select(_R.job_id).where(t.FINAL, _R.final_state.not_in(known))


_CHECKS: tuple[tuple[str, str, Callable[[], sa.Select[Any]]], ...] = (
    ("every job is unfinished or has an end", "job {} has neither", _neither),
    ("no job is both", "job {} is unfinished and has an end", _both),
    ("nothing is queued that was not asked for", "job {} was never submitted", _orphans),
    ("every end is a final state", "job {} ended in no final state", _unknown_ends),
    ("fences only grow", "job {} has a run ahead of its fence", _fences),
    ("leases belong to workers", "job {} is leased to nobody known", _strangers),
    ("attempts stay within their number", "job {} had too many attempts", _attempts),
    ("limits are kept", "the concurrency key {} is over its limit", _exceeded),
    ("limits do not leak", "the concurrency key {} has room and jobs that wait for it", _leaked),
    ("only what runs counts in its queue", "job {} counts and does not run", _counting),
    ("nothing waits for what has ended", "job {} waits for jobs that have all ended", _forgotten),
    ("a finished workflow is finished", "workflow {} counts as finished and is not", _unfinished),
)
