"""What the store must do with jobs, written a second time: plain objects, no SQL, no rule taken
from the package. Instants are microseconds, like the store's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.store.model_queues import Queues

SECOND = 1_000_000
LEASE, HEARTBEAT, GRACE = 30 * SECOND, 10 * SECOND, 10 * SECOND
MAX_LOST, FREE_RELEASES, KEPT = 3, 10, 20
STRICT = 10_000_000_000_000_000
WAITING = ("pending", "scheduled", "paused", "blocked")
LIMITS = {"one": 1, "two": 2}
Lane = tuple[str, str]


class Refused(Exception):
    """The job's state does not allow this."""


@dataclass
class Run:
    attempt: int
    worker: str | None
    outcome: str
    result: str | None = None
    final: str | None = None

    def row(self) -> tuple[Any, ...]:
        return (
            self.attempt, self.worker or "", self.outcome, self.result or "", self.final or "",
        )  # fmt: skip


@dataclass
class Job:
    id: str
    lane: Lane
    priority: int
    run_at: int
    asked_attempts: int
    on_lost: str
    timeout: int | None
    expires_at: int | None
    key: str | None = None
    unique: str | None = None
    edges: dict[str, str] = field(default_factory=dict)
    join: str = "all"
    schedule: str | None = None
    open: set[str] = field(default_factory=set)
    asked_at: int = 0
    state: str = "pending"
    max_attempts: int = 0
    ready_at: int = 0
    attempt: int = 0
    lost: int = 0
    releases: int = 0
    fence: int = 0
    worker: str | None = None
    started_at: int = 0
    lease_until: int | None = None
    deadline: int | None = None
    cancelling: bool = False
    runs: dict[int, Run] = field(default_factory=dict)

    def row(self) -> tuple[Any, ...]:
        """The active row, as `test_model.ACTIVE` reads it."""
        return (
            self.id, self.state, self.attempt, self.max_attempts, self.lost, self.releases,
            self.fence, self.worker, self.lease_until, self.deadline, self.run_at,
            self.ready_at - self.priority * STRICT, self.expires_at, self.key, self.cancelling,
            len(self.open) if self.edges else None, self.schedule,
        )  # fmt: skip


class Jobs:
    """All jobs and the clock, each job by itself but for its concurrency key."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.jobs: dict[str, Job] = {}
        self.counts: Counter[str] = Counter()
        self.queues = Queues()

    def active(self) -> list[tuple[Any, ...]]:
        return sorted(job.row() for job in self.jobs.values() if not self.final(job))

    def runs(self) -> list[tuple[Any, ...]]:
        return sorted(
            (job.id, fence, *run.row())
            for job in self.jobs.values()
            for fence, run in job.runs.items()
        )

    @staticmethod
    def final(job: Job) -> bool:
        return job.state not in (*WAITING, "running")

    def submit(self, job: Job) -> None:
        job.max_attempts, job.asked_at, job.open = job.asked_attempts, job.run_at, {*job.edges}
        self.jobs[job.id] = job
        self.counts["submitted"] += 1
        self._wait(job, max(job.run_at, self.now))

    def _wait(self, job: Job, run_at: int) -> None:
        job.run_at = job.ready_at = run_at
        job.state = self._ready(job)

    def _ready(self, job: Job) -> str:
        if job.open:
            return "blocked"
        if job.run_at > self.now:
            return "scheduled"
        return "pending" if job.key is None else "blocked"

    def admit(self) -> None:
        """The end of a transaction: keys with room admit who is first in line."""
        for key, most in LIMITS.items():
            line = [job for job in self.jobs.values() if job.key == key]
            room = most - sum(job.state in ("pending", "running") for job in line)
            waiting = sorted(
                (job for job in line if job.state == "blocked" and not job.open),
                key=lambda job: (job.row()[11], job.id),
            )
            for job in waiting[: max(room, 0)]:
                job.state = "pending"

    def holder(self, unique: str | None) -> Job | None:
        """The unfinished job that has a unique key."""
        jobs = (job for job in self.jobs.values() if unique and job.unique == unique)
        return next((job for job in jobs if not self.final(job)), None)

    def moments(self) -> list[int]:
        """The instants at which something about a job changes by time alone, ascending."""
        found: set[int | None] = {*self.queues.moments()}
        for job in self.jobs.values():
            if job.worker is not None:
                granted = job.started_at
                found |= {
                    job.lease_until,
                    job.deadline,
                    granted + HEARTBEAT,
                    granted + HEARTBEAT // 2,
                }
            elif job.state in WAITING:
                found |= {job.run_at, job.expires_at}
        return sorted(at for at in found if at is not None and at > self.now)

    def held(self, worker: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.worker == worker]

    def claim(
        self, asked: list[tuple[str, int]], lanes: Iterable[Lane], slots: int
    ) -> list[list[tuple[str, int, int]]]:
        """Several polls for the same lanes at once: the best jobs, dealt out in turn."""
        left = {worker: slots - len(self.held(worker)) for worker, _ in asked}
        free = []
        for worker, want in asked:
            free.append(min(want, left[worker]))
            left[worker] -= free[-1]
        ready = [
            job for job in self.jobs.values()
            if job.state == "pending" and job.lane in set(lanes)
            and (job.expires_at is None or job.expires_at > self.now or job.attempt > 0)
        ]  # fmt: skip
        answers: list[list[tuple[str, int, int]]] = [[] for _ in asked]
        place = 0
        for job in sorted(ready, key=lambda job: (job.row()[11], job.id)):
            if not any(free):
                break
            queue = self.queues.by_name[job.lane[0]]
            running = (other for other in self.jobs.values() if other.worker is not None)
            if not queue.room(self.now, sum(other.lane[0] == job.lane[0] for other in running)):
                continue
            queue.spend(self.now)
            while not free[place]:
                place = (place + 1) % len(free)
            free[place] -= 1
            self._grant(job, asked[place][0])
            answers[place].append((job.id, job.fence, job.attempt))
            place = (place + 1) % len(free)
        return answers

    def _grant(self, job: Job, worker: str) -> None:
        job.state, job.worker, job.started_at = "running", worker, self.now
        job.fence += 1
        job.attempt += 1
        job.deadline = None if job.timeout is None else self.now + job.timeout + GRACE
        self._prolong(job)

    def _prolong(self, job: Job) -> None:
        job.lease_until = min(self.now + LEASE, job.deadline or self.now + LEASE)

    def _let_go(self, job: Job, outcome: str | None, state: str, result: str | None = None) -> None:
        """The lease ends: the run is recorded, the row forgets the lease."""
        final = state not in (*WAITING, "running")
        if outcome is not None:
            job.runs[job.fence] = Run(
                job.attempt, job.worker, outcome, result, state if final else None
            )
        if final:
            self.counts[state] += 1
        elif outcome in ("failed", "timeout"):
            self.counts["retried"] += 1
        job.state, job.worker, job.lease_until, job.deadline = state, None, None, None
        job.cancelling = False
        given_back = [f for f, run in job.runs.items() if run.outcome in ("released", "snoozed")]
        if outcome in ("released", "snoozed") and not final:
            for fence in sorted(given_back)[:-KEPT]:
                del job.runs[fence]

    def renew(
        self, worker: str, listed: set[tuple[str, int]]
    ) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """(lost, cancels), each ascending."""
        mine = {(job.id, job.fence): job for job in self.held(worker)}
        cancels = sorted(lease for lease, job in mine.items() if job.cancelling)
        for lease, job in mine.items():
            assert job.lease_until is not None
            if lease in listed:
                if job.lease_until - LEASE <= self.now - HEARTBEAT // 2:
                    self._prolong(job)
            elif self.now - job.started_at > HEARTBEAT:
                self._give_back(job, started=False)
        return sorted(listed - mine.keys()), cancels

    def _matching(self, job_id: str, fence: int, worker: str) -> Job | None:
        job = self.jobs[job_id]
        return job if (job.fence, job.worker) == (fence, worker) else None

    def release(self, worker: str, job_id: str, fence: int, *, started: bool) -> int:
        job = self._matching(job_id, fence, worker)
        if job is None:
            return 0
        self._give_back(job, started=started)
        return 1

    def goodbye(self, worker: str) -> int:
        mine = self.held(worker)
        for job in mine:
            self._give_back(job, started=True)
        return len(mine)

    def _give_back(self, job: Job, *, started: bool) -> None:
        free = not started or job.releases < FREE_RELEASES
        state = "pending"
        if job.cancelling:
            state = "cancelled"
        elif (started and job.on_lost == "fail") or not (free or job.attempt < job.max_attempts):
            state = "failed"
        self._let_go(job, "released" if started or state != "pending" else None, state)
        job.releases += started
        if state == "pending" and free:
            job.attempt -= 1

    def report(
        self, worker: str, job_id: str, fence: int, outcome: str, result: str | None,
        after: int | None = None, *, retryable: bool = True,
    ) -> str:  # fmt: skip
        job = self._matching(job_id, fence, worker)
        if job is None:
            run = self.jobs[job_id].runs.get(fence)
            told = (worker, outcome, result)
            same = run is not None and (run.worker, run.outcome, run.result) == told
            return "repeated" if same else "lost"
        if outcome == "completed":
            self._let_go(job, outcome, "completed", result)
        elif outcome == "snoozed":
            if job.cancelling:
                self._let_go(job, outcome, "cancelled", result)
            else:
                self._let_go(job, outcome, "scheduled", result)
                job.attempt -= 1
                self._wait(job, self.now + 3 * SECOND)
        else:
            self._fail(job, outcome, result, after, retryable=retryable)
        return "accepted"

    def _fail(
        self, job: Job, outcome: str, result: str | None, after: int | None, *, retryable: bool
    ) -> None:
        delay = 2**job.attempt * SECOND if after is None else after
        if job.cancelling or outcome == "cancelled":
            self._let_go(job, outcome, "cancelled", result)
        elif not retryable or job.attempt >= job.max_attempts:
            self._let_go(job, outcome, "failed", result)
        else:
            self._let_go(job, outcome, "pending", result)
            if delay:
                self._wait(job, self.now + delay)
            else:  # it goes on, admitted as it is
                job.run_at = job.ready_at = self.now

    def sweep(self) -> int:
        over = [j for j in self.jobs.values() if j.worker and (j.lease_until or 0) <= self.now]
        for job in over:
            if job.deadline is not None and self.now >= job.deadline:
                self._fail(job, "timeout", None, None, retryable=True)
                continue
            job.lost += 1
            state = "pending"
            if job.cancelling:
                state = "cancelled"
            elif job.on_lost == "fail" or job.lost >= MAX_LOST or job.attempt >= job.max_attempts:
                state = "failed"
            self.counts["lost"] += 1
            self._let_go(job, "lost", state)
        return len(over)

    def clamp(self, *, ahead: bool) -> None:
        for job in self.jobs.values():
            if job.lease_until is not None:
                job.lease_until = min(job.lease_until, self.now + LEASE)
            if job.deadline is not None and job.timeout is not None:
                anew = self.now + job.timeout + GRACE
                job.deadline = anew if ahead else min(job.deadline, anew)

    def promote(self) -> int:
        due = [j for j in self.jobs.values() if j.state == "scheduled" and j.run_at <= self.now]
        for job in due:
            job.state = self._ready(job)
        return len(due)

    def expire(self) -> int:
        late = [
            job for job in self.jobs.values()
            if job.state in WAITING and job.attempt == 0
            and job.expires_at is not None and job.expires_at <= self.now
        ]  # fmt: skip
        for job in late:
            self._end(job, "expired")
        return len(late)

    def _end(self, job: Job, state: str) -> None:
        """The end of a job that does not run takes a fence of its own."""
        job.fence += 1
        self._let_go(job, "cancelled", state)

    def cancel(self, job_id: str) -> None:
        job = self.jobs[job_id]
        if job.state == "running":
            job.cancelling = True
        elif job.state in WAITING:
            self._end(job, "cancelled")
        elif job.state != "cancelled":
            raise Refused

    def pause(self, job_id: str) -> None:
        job = self.jobs[job_id]
        if job.state not in WAITING:
            raise Refused
        job.state = "paused"

    def resume(self, job_id: str) -> None:
        job = self.jobs[job_id]
        if job.state not in WAITING:
            raise Refused
        if job.state == "paused":
            job.state = self._ready(job)
