"""Verbs about workflows, driven on a store and on the model side by side."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tenure.domain.workflow import NewWorkflow
from tenure.store import tables_workflows as w
from tenure.store import workflows
from tenure.store.submits import Submission, submit
from tests.store.machine import JobMachine, a_condition, a_job, recent, which
from tests.store.model_graphs import FINAL

c = w.workflow_counts.c
COUNTS = sa.select(c.workflow_id, c.total, *(c[state] for state in FINAL), c.finished_at)

a_node = st.tuples(a_job, st.lists(st.tuples(st.integers(1, 3), a_condition), max_size=2))
"""A job and the nodes before it, counted backwards, that it depends on."""


class GraphMachine(JobMachine):
    """Adds workflows to jobs."""

    reads = (*JobMachine.reads, COUNTS)

    @precondition(lambda self: len(self.model.jobs) < 9)
    @rule(nodes=st.lists(a_node, min_size=2, max_size=4))
    def submit_workflow(self, nodes: list[Any]) -> None:
        id_ = self.ids.one(self.store.now)
        ids = self.ids.make(self.store.now, len(nodes))
        before = list(self.model.jobs)
        made, jobs = [], []
        for place, (given, back) in enumerate(nodes):
            edges = {before[n % len(before)]: on for n, on in given["after"] if before}
            edges |= {ids[place - n]: on for n, on in back if n <= place}
            new, job = self.new(ids[place], given | {"unique": None}, edges, given["join"])
            new.key = str(place)
            made.append(new)
            jobs.append(job)
        self.model.submit_workflow(id_, jobs)
        workflow = NewWorkflow(id_, None, None)
        self.run(submit, [Submission(made, self.store.now, tied=True, workflow=workflow)])

    @precondition(lambda self: self.model.workflows)
    @rule(number=recent | which, verb=st.sampled_from(["cancel", "retry", "retry"]))
    def control_workflow(self, number: int, verb: str) -> None:
        ids = list(self.model.workflows)
        told = getattr(self.model, f"{verb}_workflow")
        self.act(told, getattr(workflows, verb), ids[number % len(ids)])

    def compare(self, found: list[Any]) -> None:
        super().compare(found)
        rows = sorted((*row[:-1], row[-1] is not None) for row in found[2])
        assert rows == self.model.workflow_rows()
        active = {row[0] for row in found[0]}
        for row in rows:
            if row[-1]:
                assert active.isdisjoint(self.model.workflows[row[0]]), "finished: all are final"
