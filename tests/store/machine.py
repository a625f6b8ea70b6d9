"""Verbs about jobs, driven on a store and on the model side by side.

After every step both must agree on every row, and the invariants of the design hold by themselves.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tenure.domain.edges import Condition, Edge, Join
from tenure.domain.errors import IllegalTransition, UniqueTaken
from tenure.domain.ids import IdSource
from tenure.domain.job import NewJob, OnLost, Unique
from tenure.domain.lease import LeaseTerms
from tenure.domain.run import Outcome, Report
from tenure.store import control, promotions, sweeps, workers
from tenure.store import tables as t
from tenure.store import tables_limits as lim
from tenure.store.control import Action
from tenure.store.leases import Claim, Claimed, claim
from tenure.store.renewals import Beat, Beaten, Released, release, renew
from tenure.store.reports import report as settle
from tenure.store.submits import Submission, submit
from tests.builders import new_job
from tests.store.facts import measured
from tests.store.model import LIMITS, SECOND, WAITING, Job, Refused
from tests.store.model_schedules import Model
from tests.store.opened import OpenedStore

TERMS = LeaseTerms(30.0)
SLOTS = 4
TYPES = ("echo", "mail")
QUEUES = (("default", "slow"), ("default", "slow"), ("default",))
"""The queues of the three workers."""

a, r = t.active_jobs.c, t.runs.c
ACTIVE = sa.select(
    a.job_id, a.state, a.attempt, a.max_attempts, a.lost, a.releases, a.fence, a.worker_id,
    a.lease_expires_at, a.deadline_at, a.run_at, a.rank, a.expires_at, a.concurrency_key,
    a.cancel_requested_at.is_not(None), a.waits, a.schedule_id, a.reason,
)  # fmt: skip
RUNS = sa.select(
    r.job_id, r.fence, r.attempt, r.worker_id, r.outcome, r.result, r.final_state
)  # fmt: skip

Lease = tuple[str, str, int]
"""Worker, job, fence."""

which = st.integers(0, 99)
recent = st.integers(0, 5) | which
a_worker = st.sampled_from(range(len(QUEUES)))
a_condition = st.sampled_from(["success", "success", "failure", "done"])
an_outcome = st.sampled_from(["completed", "failed", "snoozed", "cancelled", "timeout"])
a_result = st.sampled_from([None, "1", '{"two":2}'])
a_span = st.sampled_from([1, SECOND, 5 * SECOND, 10 * SECOND + 1, 15 * SECOND, 30 * SECOND])
reports = st.tuples(recent, an_outcome, a_result, st.sampled_from([None, 0, SECOND]), st.booleans())
a_job = st.fixed_dictionaries(
    {
        "type_": st.sampled_from(TYPES),
        "queue": st.sampled_from(["default", "default", "slow"]),
        "priority": st.integers(-1, 1),
        "delay": st.sampled_from([0, 0, 0, SECOND, 20 * SECOND]),
        "max_attempts": st.integers(1, 4),
        "on_lost": st.sampled_from([OnLost.RETRY, OnLost.RETRY, OnLost.FAIL]),
        "timeout_seconds": st.sampled_from([None, None, 5, 25]),
        "lives": st.sampled_from([None, None, 15 * SECOND]),
        "concurrency_key": st.sampled_from([None, None, "one", "one", "two"]),
        "unique": st.sampled_from([None, None, None, Unique("u")]),
        "after": st.just([]) | st.lists(st.tuples(recent, a_condition), max_size=3),
        "join": st.sampled_from(["all", "all", "any"]),
    }
)
PLAIN = (
    "type_", "queue", "priority", "max_attempts", "on_lost", "timeout_seconds", "concurrency_key",
    "unique",
)  # fmt: skip


def random() -> float:
    return 0.5


class JobMachine(RuleBasedStateMachine):
    """Drives one store and one model side by side."""

    def __init__(self, store: OpenedStore) -> None:
        super().__init__()
        self.store = store
        store.empty()
        self.model = Model(store.now)
        self.ids = store.ids = IdSource(lambda bits: 1 << bits - 2)
        self.workers: list[str] = []
        self.granted: list[Lease] = []
        self.told: list[Report] = []
        self.fences: Counter[str] = Counter()

    @initialize(asked=st.lists(a_job, min_size=3, max_size=6))
    def begin(self, asked: list[Any]) -> None:
        two = {"key": "two", "max_running": LIMITS["two"], "updated_at": self.store.now}
        self.store.execute(sa.insert(lim.limits).values(two))
        self.workers = [self.join(queues) for queues in QUEUES]
        self.submit(asked)

    def run(self, *verb: Any, **told: Any) -> Any:
        """One transaction of the store; what the model did before is settled by then."""
        self.model.settle()
        return self.store.run(*verb, **told)

    def join(self, queues: tuple[str, ...]) -> str:
        worker_id = self.ids.one(self.store.now)
        types: dict[str, Any] = dict.fromkeys(TYPES)
        newcomer = workers.NewWorker(worker_id, "w", "h", 1, "1", 1, queues, types, SLOTS, {})
        self.run(workers.register, newcomer)
        return worker_id

    def job_id(self, number: int) -> str:
        return list(self.model.jobs)[number % len(self.model.jobs)]

    def lease(self, number: int) -> Lease:
        return self.granted[-1 - number % len(self.granted)]

    def new(self, id_: str, given: Any, edges: dict[str, str], join: str) -> tuple[NewJob, Job]:
        """A job for the store and the same for the model."""
        now = self.store.now
        times = {"run_at": now + given["delay"]}
        if given["lives"] is not None:
            times["expires_at"] = now + given["lives"]
        asked = new_job(id=id_, **times, **{name: given[name] for name in PLAIN})
        asked.edges = tuple(Edge(parent, Condition(on)) for parent, on in edges.items())
        asked.join = Join(join)
        timeout = given["timeout_seconds"]
        job = Job(
            id_, (given["queue"], given["type_"]), given["priority"], times["run_at"],
            given["max_attempts"], given["on_lost"].value, timeout and timeout * SECOND,
            times.get("expires_at"), given["concurrency_key"],
            given["unique"] and given["unique"].key, edges, join,
        )  # fmt: skip
        return asked, job

    @precondition(lambda self: len(self.model.jobs) < 8)
    @rule(asked=st.lists(a_job, min_size=1, max_size=3))
    def submit(self, asked: list[Any]) -> None:
        made, before = [], list(self.model.jobs)
        for id_, given in zip(self.ids.make(self.store.now, len(asked)), asked, strict=True):
            edges = {before[n % len(before)]: on for n, on in given["after"] if before}
            new, job = self.new(id_, given, edges, given["join"])
            made.append(new)
            if not self.model.holder(job.unique):
                self.model.submit(job)
        tied = any(job.edges for job in made)
        self.run(submit, [Submission(made, self.store.now, tied=tied)])

    def waiting(self) -> bool:
        return any(job.state == "pending" for job in self.model.jobs.values())

    def due(self) -> bool:
        now = self.model.now
        return any(
            job.state in WAITING and min(job.run_at, job.expires_at or job.run_at) <= now
            for job in self.model.jobs.values()
            if job.state != "pending"
        )

    def running(self) -> list[Job]:
        return [job for job in self.model.jobs.values() if job.worker]

    @precondition(lambda self: self.waiting())
    @rule(number=a_worker, slots=st.integers(0, 5))
    def claim(self, number: int, slots: int) -> None:
        self.claim_all([(number, slots)])

    @precondition(lambda self: self.waiting())
    @rule(first=st.integers(0, 5), second=st.integers(0, 5), other=st.sampled_from([0, 1]))
    def claim_together(self, first: int, second: int, other: int) -> None:
        self.claim_all([(0, first), (other, second)])

    def claim_all(self, asked: list[tuple[int, int]]) -> None:
        """Workers of the same lanes claim in one transaction."""
        queues = QUEUES[asked[0][0]]
        claims = [Claim(self.workers[n], queues, TYPES, slots) for n, slots in asked]
        found = [
            [(row[0], row[1], row[2]) for row in answer.rows]
            for answer in self.run(claim, claims, TERMS)
            if isinstance(answer, Claimed)
        ]
        lanes = [(queue, type_) for queue in queues for type_ in TYPES]
        wanted = [(item.worker_id, item.slots) for item in claims]
        assert found == self.model.claim(wanted, lanes, SLOTS)
        for item, rows in zip(claims, found, strict=True):
            self.granted += [(item.worker_id, job_id, fence) for job_id, fence, _ in rows]

    @precondition(lambda self: self.running())
    @rule(number=a_worker, missing=st.sampled_from([0, 0, 0, 1]), extra=st.booleans())
    def renew(self, number: int, missing: int, extra: bool) -> None:
        worker = self.workers[number]
        held = sorted((job.id, job.fence) for job in self.model.held(worker))
        listed = set(held[missing:])
        if extra and self.granted:
            listed.add(self.lease(0)[1:])
        quiet: dict[tuple[str, int], Any] = dict.fromkeys(listed, (None, None))
        (answer,) = self.run(renew, [Beat(worker, quiet)], TERMS)
        assert isinstance(answer, Beaten)
        told = sorted((job_id, fence) for job_id, fence, _ in answer.cancels)
        assert (sorted(answer.lost), told) == self.model.renew(worker, listed)

    @precondition(lambda self: self.running())
    @rule(number=which, outcome=an_outcome, result=a_result, fails=st.booleans())
    def finish(self, number: int, outcome: str, result: str | None, fails: bool) -> None:
        """A worker tells how the run of a job ended that it still holds."""
        held = self.running()
        job = held[number % len(held)]
        assert job.worker is not None
        told = Outcome.FAILED if fails else Outcome(outcome)
        self.settle([Report(job.id, job.fence, job.worker, told, result, snooze_seconds=3.0)])

    @precondition(lambda self: self.granted and self.model.active())
    @rule(asked=st.lists(reports, min_size=1, max_size=3), twist=st.sampled_from([0, 0, 0, 1, -1]))
    def report(self, asked: list[Any], twist: int) -> None:
        """Reports about leases of any age, from the worker that was given them; with a twist the
        last one has a fence that is not its own."""
        items = []
        for number, outcome, result, after, retryable in asked:
            worker, job_id, fence = self.lease(number)
            items.append(
                Report(
                    job_id, fence, worker, Outcome(outcome), result, None, retryable,
                    None if after is None else after / SECOND, 3.0,
                )
            )  # fmt: skip
        items[-1].fence += twist
        self.settle(items)

    @precondition(lambda self: self.running())
    @rule(number=recent, thief=a_worker, outcome=an_outcome)
    def report_foreign(self, number: int, thief: int, outcome: str) -> None:
        _, job_id, fence = self.lease(number)
        item = Report(job_id, fence, self.workers[thief], Outcome(outcome), "9")
        item.snooze_seconds = 3.0
        self.settle([item])

    @precondition(lambda self: self.told and self.running())
    @rule(number=recent)
    def report_again(self, number: int) -> None:
        self.settle([self.told[-1 - number % len(self.told)]])

    def settle(self, items: list[Report]) -> None:
        (found,) = self.run(settle, [items], random)
        for item, status in zip(items, found, strict=True):
            after = item.retry_after_seconds
            expected = self.model.report(
                item.worker_id, item.job_id, item.fence, item.outcome.value, item.result,
                None if after is None else int(after * SECOND), retryable=item.retryable,
            )  # fmt: skip
            assert status.value == expected
            if expected == "accepted":
                self.told.append(item)

    @precondition(lambda self: self.running())
    @rule(number=recent, started=st.booleans())
    def release(self, number: int, started: bool) -> None:
        worker, job_id, fence = self.lease(number)
        found = self.run(release, [Released(worker, {(job_id, fence): started})])
        assert found == [self.model.release(worker, job_id, fence, started=started)]

    @precondition(lambda self: self.running())
    @rule(what=st.sampled_from([-60, -20, 3600, None]), number=a_worker)
    def upheaval(self, what: int | None, number: int) -> None:
        """What is rare: the clock steps (seconds), or a worker leaves and the store is reopened."""
        if what is None:
            self.goodbye(number)
            self.store.reopen()
        else:
            self.time_passes(what * SECOND)
            self.run(sweeps.clamp, TERMS, ahead=what > 0)
            self.model.clamp(ahead=what > 0)

    def goodbye(self, number: int) -> None:
        worker = self.workers[number]
        assert self.run(workers.goodbye, worker) == self.model.goodbye(worker)
        self.workers[number] = self.join(QUEUES[number])

    @precondition(lambda self: self.model.moments())
    @rule(span=a_span)
    def time_passes(self, span: int) -> None:
        self.store.now += span
        self.model.now += span

    @precondition(lambda self: self.model.moments())
    @rule(number=st.integers(0, 3), off=st.sampled_from([-1, 0, 0, 1]), duties=st.booleans())
    def time_comes(self, number: int, off: int, duties: bool) -> None:
        """Just before, at, or just after an instant that matters."""
        moments = self.model.moments()
        self.time_passes(moments[number % len(moments)] + off - self.model.now)
        if duties:
            self.duties()

    @precondition(lambda self: self.running() or self.due())
    @rule()
    def duties(self) -> None:
        self.promote()
        self.expire()
        self.sweep()

    @precondition(lambda self: self.waiting())
    @rule(number=a_worker, times=st.integers(1, 4))
    def workers_die(self, number: int, times: int) -> None:
        """Jobs are leased and lost again."""
        for _ in range(times):
            self.claim_all([(number, SLOTS)])
            self.time_passes(30 * SECOND)
            self.sweep()

    @precondition(lambda self: self.waiting())
    @rule(number=a_worker, times=st.integers(1, 6), started=st.booleans())
    def workers_drain(self, number: int, times: int, started: bool) -> None:
        """Jobs are leased and given back again."""
        for _ in range(times):
            before = len(self.granted)
            self.claim_all([(number, 2)])
            for worker, job_id, fence in self.granted[before:]:
                self.run(release, [Released(worker, {(job_id, fence): started})])
                self.model.release(worker, job_id, fence, started=started)

    def sweep(self) -> None:
        assert self.run(sweeps.sweep, 3, random) == self.model.sweep()

    def promote(self) -> None:
        assert self.run(promotions.promote) == self.model.promote()

    def expire(self) -> None:
        assert self.run(promotions.expire) == self.model.expire()

    @precondition(lambda self: self.model.jobs)
    @rule(number=which, verb=st.sampled_from(["cancel", "pause", "resume", "retry"]))
    def control(self, number: int, verb: str) -> None:
        job_id = self.job_id(number)
        self.act(getattr(self.model, verb), getattr(control, verb), job_id)

    def act(self, told: Any, verb: Any, id_: str) -> None:
        """A person's act: both do it or both refuse."""
        try:
            told(id_)
        except Refused:
            with pytest.raises((IllegalTransition, UniqueTaken)):
                self.run(verb, id_, Action())
        else:
            self.run(verb, id_, Action())

    reads: tuple[sa.Select[Any], ...] = (ACTIVE, RUNS)

    @invariant()
    def agrees(self) -> None:
        self.model.settle()
        self.compare(
            self.store.within(lambda conn: [conn.execute(read).all() for read in self.reads])
        )

    def compare(self, found: list[Any]) -> None:
        """What `reads` found against the model."""
        rows = sorted((*row[:14], bool(row[14]), *row[15:17]) for row in found[0])
        assert rows == self.model.active()
        runs = sorted(
            (*row[:3], row[3] or "", row[4], row[5] or "", row[6] or "") for row in found[1]
        )
        assert runs == self.model.runs()
        for row in found[0]:
            assert not row.waits or row.state in ("blocked", "paused"), "who runs waits for nobody"
            because = "dependencies" if row.waits else "concurrency_key"
            assert row.state != "blocked" or row.reason == because
        self.check(rows, runs)

    def check(self, rows: list[Any], runs: list[Any]) -> None:
        """Invariants that need no model."""
        final = [run[0] for run in runs if run[6]]
        assert sorted([*final, *(row[0] for row in rows)]) == sorted(self.model.jobs)
        assert all(n <= SLOTS for n in Counter(row[7] for row in rows if row[7]).values())
        fences = {run[0]: run[1] for run in runs} | {row[0]: row[6] for row in rows}
        for job_id, fence in fences.items():
            assert fence >= self.fences[job_id]
            self.fences[job_id] = fence
        for row in rows:
            assert row[2] <= row[3], "attempts are bounded"
            assert (row[7] is not None) == (row[1] == "running") == (row[8] is not None)
        for key, most in LIMITS.items():
            line = Counter(row[1] for row in rows if row[13] == key and not row[15])
            admitted = line["pending"] + line["running"]
            assert admitted <= most, "a limit is never exceeded"
            assert admitted == most or not line["blocked"], "and never leaks"
        unique = [self.model.jobs[row[0]].unique for row in rows]
        assert unique.count("u") <= 1, "a unique key has one unfinished job"
        assert len({(job_id, fence) for _, job_id, fence in self.granted}) == len(self.granted)

    def teardown(self) -> None:
        assert measured(self.store) == +self.model.counts
