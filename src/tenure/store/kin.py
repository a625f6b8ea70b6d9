"""What a leased job is told of the jobs around it: its workflow and its parents' results."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit
from tenure.store.workflow_counts import workflows_of

MAX_RESULTS = 1024 * 1024
"""Characters of parents' results in one lease; what comes later by key is left out."""


class ParentRow(NamedTuple):
    """A parent that has ended. `result` is JSON text; None with `omitted` when it did not fit."""

    key: str
    job_id: str
    state: str
    result: str | None
    omitted: bool


@dataclass(slots=True)
class Kin:
    """A job's workflow, and its ended parents by key (those outside the workflow by id)."""

    workflow_id: str | None = None
    parents: list[ParentRow] = field(default_factory=list)


def kin(unit: Unit, members: list[str], children: list[str]) -> dict[str, Kin]:
    """The kin of jobs that belong to a workflow, and of those that have parents. Reads only."""
    found: dict[str, Kin] = defaultdict(Kin)
    if members:
        for job_id, workflow_id in workflows_of(unit, members).items():
            found[job_id].workflow_id = workflow_id
    if children:
        keys = sorted((job_id,) for job_id in children)
        for job_id, parent_id, key, state, result, size, total in unit.rows(
            _read_parents(unit.dialect), keys, most=MAX_RESULTS
        ):
            omitted = total > MAX_RESULTS and size > 0
            found[job_id].parents.append(
                ParentRow(key or parent_id, parent_id, state, result, omitted)
            )
    return dict(found)


@cache
def _read_parents(dialect: Dialect) -> sa.Select[Any]:
    d, r, n, own = w.dependencies.c, t.runs.c, w.workflow_jobs.c, w.workflow_jobs.alias("own")
    batch = dialect.batch(d.job_id)
    size = sa.func.coalesce(sa.func.length(r.result), 0)
    measured = (
        sa.select(
            d.job_id,
            d.parent_id,
            n.key,
            r.fence,
            r.final_state,
            size.label("size"),
            sa.cast(
                sa.func.sum(size).over(partition_by=d.job_id, order_by=(n.key, d.parent_id)),
                sa.BigInteger,
            ).label("total"),
        )
        .select_from(batch)
        .join(w.dependencies, d.job_id == batch.c.job_id)
        .join(t.runs, sa.and_(r.job_id == d.parent_id, t.FINAL))
        .outerjoin(own, own.c.job_id == d.job_id)
        .outerjoin(
            w.workflow_jobs, sa.and_(n.job_id == d.parent_id, n.workflow_id == own.c.workflow_id)
        )
        .subquery("measured")
    )
    c, last = measured.c, t.runs.alias("last")
    fits = c.total <= sa.bindparam("most", type_=sa.BigInteger())
    return dialect.read(
        sa.select(c.job_id, c.parent_id, c.key, c.final_state, last.c.result, c["size"], c.total)
        .select_from(measured)
        .outerjoin(last, sa.and_(last.c.job_id == c.parent_id, last.c.fence == c.fence, fits))
        .order_by(c.job_id, c.key, c.parent_id)
    )
