"""Whole workflows, cancelled and run again, on both databases."""

from __future__ import annotations

import pytest

from tenure.domain.errors import IllegalTransition, WorkflowNotFound
from tenure.domain.run import Outcome
from tenure.store import workflow_reads, workflows
from tenure.store.control import Action
from tests.builders import NOW, WORKER
from tests.store.facts import active
from tests.store.graphs import WORKFLOW, counts, end_as, flow, states
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, events

DONE = Outcome.COMPLETED


def test_cancelling_ends_what_waits_and_asks_what_runs(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "a", "c": "b", "d": ""})
    end_as(store, WORKER, ids, a=DONE)
    store.run(workflows.cancel, WORKFLOW, Action("ada", "enough"))
    assert states(store, ids) == {
        "a": "completed", "b": "cancelled", "c": "cancelled", "d": "running"
    }  # fmt: skip
    assert active(store, ids["d"])["cancel_reason"] == "enough"
    assert store.last is not None
    assert store.last.woken == {WORKER}
    assert events(store, ids["b"]) == [("cancel", "ada", "enough")]
    assert claimed(store, WORKER) == []
    end_as(store, WORKER, ids, d=Outcome.CANCELLED)
    assert counts(store) == {"total": 4, "completed": 1, "cancelled": 3, "finished_at": NOW}


def test_a_finished_one_is_refused(store: OpenedStore) -> None:
    ids = flow(store, {"a": ""})
    end_as(store, WORKER, ids, a=DONE)
    for verb in (workflows.cancel, workflows.retry):
        with pytest.raises(IllegalTransition):
            store.run(verb, WORKFLOW, Action())
        with pytest.raises(WorkflowNotFound):
            store.run(verb, ids["a"], Action())


def test_reads_are_short_ranges(store: OpenedStore) -> None:
    flow(store, {"a": "", "b": "a"})
    no_whole_table(store, lambda unit: workflow_reads.workflow(unit, WORKFLOW))
    no_whole_table(store, lambda unit: workflow_reads.nodes(unit, WORKFLOW))
