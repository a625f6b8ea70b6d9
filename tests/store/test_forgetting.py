"""Old jobs take their edges and workflows with them."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.domain.clock import DAY
from tenure.domain.run import Outcome
from tenure.store import pruning, schema
from tenure.store import tables_workflows as w
from tests.builders import WORKER
from tests.store.facts import active
from tests.store.graphs import child, end_as, flow, states
from tests.store.opened import OpenedStore

DONE = Outcome.COMPLETED
TABLES = (w.dependencies, w.workflow_jobs, w.workflow_counts, w.workflows)


def left(store: OpenedStore) -> list[int]:
    return [store.rows(sa.select(sa.func.count()).select_from(table))[0][0] for table in TABLES]


def prune(store: OpenedStore, ids: list[str]) -> None:
    store.now += 10 * DAY
    assert store.run(pruning.prune_jobs, [(job_id, store.now) for job_id in sorted(ids)])


def test_a_workflow_goes_with_its_last_job(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "a", "c": "b"})
    for key in ids:
        end_as(store, WORKER, ids, **{key: DONE})
    prune(store, [ids["a"], ids["b"]])
    assert left(store) == [0, 1, 1, 1]
    prune(store, list(ids.values()))
    assert left(store) == [0, 0, 0, 0]
    known = [
        table for table in schema.metadata.sorted_tables if table.name not in ("stats", "workers")
    ]
    assert [t.name for t in known if store.rows(sa.select(sa.literal(1)).select_from(t))] == []


def test_a_parent_stays_while_a_child_may_ask_for_its_result(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "", "c": "a b"})
    end_as(store, WORKER, ids, a=DONE)
    prune(store, [ids["a"]])
    assert states(store, ids)["a"] == "completed"
    end_as(store, WORKER, ids, b=DONE)
    end_as(store, WORKER, ids, c=DONE)
    prune(store, list(ids.values()))
    assert left(store) == [0, 0, 0, 0]


def test_a_child_of_a_deleted_past_runs(store: OpenedStore) -> None:
    ids = flow(store, {"a": ""})
    end_as(store, WORKER, ids, a=DONE)
    after = child(store, [ids["a"]])
    end_as(store, WORKER, {"after": after}, after=DONE)
    prune(store, [ids["a"]])
    assert (left(store), active(store, after)) == ([0, 0, 0, 0], {})
