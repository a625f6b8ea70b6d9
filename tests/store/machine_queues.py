"""Queues that are paused and limited, driven on a store and on the model side by side."""

from __future__ import annotations

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tenure.domain.queue import Rate
from tenure.store import queues
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.queues import QueueEdit
from tests.store.machine_schedules import ScheduleMachine
from tests.store.model_queues import BUCKET, FILLS_IN, NAMES


class QueueMachine(ScheduleMachine):
    """Sets, pauses and resumes queues besides."""

    @rule(
        name=st.sampled_from(NAMES),
        most=st.sampled_from([None, None, 1, 2, 3]),
        rated=st.sampled_from([False, False, True]),
    )
    def set_queue(self, name: str, most: int | None, rated: bool) -> None:
        rules = {"max_running": most, "rate": Rate(BUCKET, FILLS_IN) if rated else None}
        self.run(queues.edit, name, QueueEdit(rules), Action())
        queue = self.model.queues.by_name[name]
        queue.most, queue.rated = most, rated

    @rule(name=st.sampled_from(NAMES), verb=st.sampled_from(["pause", "resume", "resume"]))
    def pause_queue(self, name: str, verb: str) -> None:
        self.run(getattr(queues, verb), name, Action())
        self.model.queues.by_name[name].paused = verb == "pause"

    def claim_all(self, asked: list[tuple[int, int]]) -> None:
        """What is granted lies within what its queue may run (I15)."""
        before = len(self.granted)
        super().claim_all(asked)
        jobs = self.model.jobs
        granted = {jobs[job_id].lane[0] for _, job_id, _ in self.granted[before:]}
        for name in granted:
            queue = self.model.queues.by_name[name]
            assert not queue.paused
            running = sum(job.lane[0] == name for job in self.running())
            assert queue.most is None or running <= queue.most

    @invariant()
    def nothing_leaks(self) -> None:
        """Only jobs that run count against their queue."""
        a = t.active_jobs.c
        left = sa.select(a.job_id).where(t.COUNTED, a.worker_id.is_(None))
        assert self.store.rows(left) == []
