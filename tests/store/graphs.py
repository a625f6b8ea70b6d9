"""Workflows in tests, written as `child: parents`, and run to their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tenure.domain.edges import Condition, Edge, Join
from tenure.domain.ids import IdSource
from tenure.domain.run import Outcome
from tenure.domain.workflow import NewWorkflow
from tenure.store import tables as t
from tenure.store import tables_workflows as w
from tenure.store.submits import Submission, submit
from tests.builders import NOW, new_job, report
from tests.store.facts import state
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended

WORKFLOW = "0193474a-0000-7000-8000-0000000000f0"
Graph = Mapping[str, str | Sequence[str]]


def edges(ids: Mapping[str, str], parents: str | Sequence[str]) -> tuple[Edge, ...]:
    """`a`, `a?` (failure) and `a!` (done), separated by blanks in text."""
    words = parents.split() if isinstance(parents, str) else parents
    conditions = {"?": Condition.FAILURE, "!": Condition.DONE}
    return tuple(
        Edge(ids[word.rstrip("?!")], conditions.get(word[-1], Condition.SUCCESS)) for word in words
    )


def flow(
    store: OpenedStore, graph: Graph, *, joins: Mapping[str, Join] | None = None, **changes: Any
) -> dict[str, str]:
    """Submit a workflow WORKFLOW; its job ids by key. Parents are named before their children."""
    [(before,)] = store.rows(sa.select(sa.func.count()).select_from(t.jobs))
    made = IdSource().make(NOW + before * 1000, len(graph))
    ids = dict(zip(graph, made, strict=True))
    alike = new_job(**({"max_attempts": 1} | changes)).spec
    jobs = []
    for key, parents in graph.items():
        job = new_job(id=ids[key], key=key, edges=edges(ids, parents))
        job.spec = alike
        job.join = (joins or {}).get(key, Join.ALL)
        jobs.append(job)
    workflow = NewWorkflow(WORKFLOW, "flow", None)
    store.run(submit, [Submission(jobs, store.now, tied=True, workflow=workflow)])
    return ids


def child(store: OpenedStore, parents: Sequence[str], **changes: Any) -> str:
    """Submit one job outside a workflow that depends on others."""
    [(before,)] = store.rows(sa.select(sa.func.count()).select_from(t.jobs))
    job = new_job(
        id=IdSource().one(NOW + before * 1000), edges=tuple(map(Edge, parents)), **changes
    )
    store.run(submit, [Submission([job], store.now, tied=True)])
    return job.id


def states(store: OpenedStore, ids: Mapping[str, str]) -> dict[str, str]:
    """The state of every job by key."""
    return {key: state(store, job_id) for key, job_id in ids.items()}


def end_as(store: OpenedStore, worker: str, ids: Mapping[str, str], **outcomes: Outcome) -> None:
    """Lease what is ready and end the jobs named; the others stay leased."""
    while claimed(store, worker):  # an answer holds a bounded number
        pass
    fences = dict(
        store.rows(
            sa.select(t.active_jobs.c.job_id, t.active_jobs.c.fence).where(
                t.active_jobs.c.worker_id == worker
            )
        )
    )
    ended(
        store,
        *(
            report(ids[key], fences[ids[key]], worker_id=worker, outcome=outcome)
            for key, outcome in outcomes.items()
        ),
    )


def counts(store: OpenedStore) -> dict[str, Any]:
    """The row of `workflow_counts` of WORKFLOW, what is 0 left out."""
    c = w.workflow_counts
    (row,) = store.rows(sa.select(c).where(c.c.workflow_id == WORKFLOW))
    return {name: value for name, value in row._mapping.items() if value and name != "workflow_id"}
