"""Verbs about schedules, driven on a store and on the model side by side."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tenure.domain.scheduling import Misfire, Overlap
from tenure.store import schedules
from tenure.store import tables_schedules as s
from tenure.store.control import Action
from tenure.store.fires import fire
from tests.builders import job_spec, new_schedule
from tests.store.machine import recent, which
from tests.store.machine_graphs import GraphMachine
from tests.store.model import SECOND, Job
from tests.store.model_schedules import Fire, Schedule

c = s.fires.c
LEDGER = sa.select(
    c.schedule_id, c.nominal_at, c.until_at, c["count"], c.outcome, c.stretch, c.job_id
)

a_schedule = st.fixed_dictionaries(
    {
        "every": st.sampled_from([5 * SECOND, 10 * SECOND, 60 * SECOND]),
        "overlap": st.sampled_from(Overlap),
        "misfire": st.sampled_from(Misfire),
        "misfire_after": st.sampled_from([0, 5 * SECOND, 12 * SECOND]),
        "catchup_window": st.sampled_from([None, 20 * SECOND]),
        "max_catchup": st.integers(1, 3),
    }
)


class ScheduleMachine(GraphMachine):
    """Adds schedules to jobs and workflows."""

    reads = (*GraphMachine.reads, LEDGER)

    @precondition(lambda self: len(self.model.schedules) < 2)
    @rule(given=a_schedule, lives=st.sampled_from([None, 25]), key=st.sampled_from([None, "one"]))
    def create_schedule(self, given: Any, lives: int | None, key: str | None) -> None:
        now = self.store.now
        end_at = None if lives is None else now + given["every"] + lives * SECOND
        id_ = self.ids.one(now)
        new = new_schedule(id=id_, **given, end_at=end_at, job=job_spec(concurrency_key=key))
        self.run(schedules.create, new, Action())
        self.model.schedules[new.id] = Schedule(
            new.id, given["every"], now, end_at, given["overlap"].value, given["misfire"].value,
            given["misfire_after"], given["catchup_window"], given["max_catchup"],
            now + given["every"], key=key,
        )  # fmt: skip

    def schedule_id(self, number: int) -> str:
        ids = list(self.model.schedules)
        return ids[number % len(ids)]

    @precondition(lambda self: self.model.due_schedules() and len(self.model.jobs) < 30)
    @rule()
    def fire(self) -> None:
        due = len(self.model.due_schedules())
        assert self.run(fire) == due
        self.fired(self.model.fire())

    def fired(self, fires: list[Fire]) -> None:
        """The model gets the jobs that the store made up."""
        rows = self.store.rows(LEDGER.where(c.job_id.is_not(None)))
        made = {(row.schedule_id, row.nominal_at): row.job_id for row in rows}
        for one in fires:
            self.made_for(one[0], made[one])

    def made_for(self, schedule_id: str, job_id: str) -> None:
        key = self.model.schedules[schedule_id].key
        at, lane = self.store.now, ("default", "echo")
        self.model.submit(
            Job(job_id, lane, 0, at, 4, "retry", None, None, key, schedule=schedule_id)
        )

    @precondition(lambda self: self.model.schedules)
    @rule(number=recent | which, verb=st.sampled_from(["pause", "resume", "trigger", "backfill"]))
    def control_schedule(self, number: int, verb: str) -> None:
        id_ = self.schedule_id(number)
        if verb == "trigger":
            job_id = self.ids.one(self.store.now)
            assert self.run(schedules.trigger, id_, job_id, Action()) == job_id
            self.made_for(id_, job_id)
        elif verb == "backfill":
            self.backfill(id_)
        else:
            self.run(getattr(schedules, verb), id_, Action())
            getattr(self.model, f"{verb}_schedule")(id_)

    def backfill(self, id_: str) -> None:
        """The last three times, whatever became of them."""
        one = self.model.schedules[id_]
        last = one.anchor + (self.store.now - one.anchor) // one.every * one.every
        times = [last - n * one.every for n in (2, 1, 0)]
        made = self.run(schedules.backfill, id_, times, Action())
        expected = self.model.backfill(id_, times)
        assert [(firing.schedule_id, firing.nominal_at) for firing in made] == expected
        self.fired(expected)

    def compare(self, found: list[Any]) -> None:
        super().compare(found)
        rows = []
        for row in found[3]:
            every = self.model.schedules[row.schedule_id].every
            times = range(row.nominal_at, row.until_at + 1, every)
            assert len(times) == row.count
            rows += [(row.schedule_id, at, row.outcome) for at in times]
        assert sorted(rows) == self.model.ledger()
        once = [row[:2] for row in rows if row[2] != "backfilled"]
        assert len(set(once)) == len(once), "a nominal time has one outcome"
