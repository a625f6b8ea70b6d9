"""What the store must do with jobs that wait for jobs, written a second time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.store.model import Job, Jobs, Refused

_MET = {
    "success": {"completed"},
    "failure": {"failed", "expired"},
    "done": {"completed", "failed", "expired", "cancelled", "skipped"},
}
FINAL = ("completed", "failed", "cancelled", "skipped", "expired")
_AGAIN = ("failed", "expired", "cancelled")


class Graphs(Jobs):
    """Jobs, the edges between them, and workflows. An open edge stands in `Job.open`."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self.workflows: dict[str, list[str]] = {}
        self.cancelled: set[str] = set()

    def settle(self) -> None:
        """The end of a transaction: edges of ended parents close, then keys admit."""
        while any(self._close(job) for job in self.jobs.values() if job.open):
            pass
        self.admit()

    def _met(self, job: Job, parent: str) -> bool:
        return self.jobs[parent].state in _MET[job.edges[parent]]

    def _close(self, job: Job) -> bool:
        """Close the open edges of a job whose parents have ended; whether there were any."""
        ended = {parent for parent in job.open if self.final(self.jobs[parent])}
        if not ended or self.final(job):
            return False
        good = [self._met(job, parent) for parent in ended]
        job.open -= ended
        if job.join == "any":
            over = not any(good) and not job.open
            job.open -= job.open if any(good) else set()
        else:
            over = not all(good)
        if over:
            self._end(job, "skipped")
        elif not job.open and job.state == "blocked":
            self._wait(job, max(job.run_at, self.now))
        return True

    def retry(self, job_id: str) -> None:
        if not self.final(self.jobs[job_id]):
            raise Refused
        self._replay([job_id])

    def _replay(self, chosen: list[str]) -> None:
        """The chosen jobs run again; below them, what was skipped for no other reason waits."""
        back = [self.jobs[job_id] for job_id in chosen]
        for job in back:
            job.open = {up for up in job.edges if up in chosen or not self.final(self.jobs[up])}
            if job.join == "any" and any(self._held(job, up, chosen) for up in job.edges):
                job.open = set()
        while more := self._next_unskipped({job.id for job in back}):
            back.append(more)
        self._take_keys(back)
        ids = {job.id for job in back}
        for job in self.jobs.values():
            decided = not job.open and (job.id not in chosen or job.join == "any")
            if not decided and (not self.final(job) or job.id in ids):
                job.open |= job.edges.keys() & ids
        for job in back:
            self._restart(job, self.now if job.id in chosen else max(job.asked_at, self.now))
        self.counts["retried"] += len(chosen)

    def _next_unskipped(self, again: set[str]) -> Job | None:
        """A job that was skipped for no other reason than those that run again."""
        found = (
            job for job in self.jobs.values()
            if job.state == "skipped" and job.id not in again and job.edges.keys() & again
        )  # fmt: skip
        return next((job for job in found if self._unskip(job, again)), None)

    def _held(self, job: Job, parent: str, again: Any) -> bool:
        """Whether an edge is met by a parent that stays as it is."""
        return parent not in again and self._met(job, parent)

    def _unskip(self, job: Job, again: set[str]) -> bool:
        """Whether a skipped job may still run, now that these run again."""
        open_ = {up for up in job.edges if up in again or not self.final(self.jobs[up])}
        good = [self._held(job, up, again) for up in job.edges if up not in open_]
        if job.join == "any":
            job.open = set() if any(good) else open_
            return any(good) or bool(open_)
        job.open = open_
        return all(good)

    def _take_keys(self, back: list[Job]) -> None:
        keys = [job.unique for job in back if job.unique]
        if len(keys) > len(set(keys)) or any(self.holder(key) for key in keys):
            raise Refused

    def _restart(self, job: Job, run_at: int) -> None:
        for run in job.runs.values():
            run.final = None
        if job.expires_at is not None and job.expires_at <= self.now:
            job.expires_at = None
        job.lost = job.releases = 0
        job.max_attempts = max(job.asked_attempts, job.attempt + 1)
        self._wait(job, run_at)

    def submit_workflow(self, id_: str, jobs: list[Job]) -> None:
        for job in jobs:
            self.submit(job)
        self.workflows[id_] = [job.id for job in jobs]

    def cancel_workflow(self, id_: str) -> None:
        state = self.workflow_state(id_)
        if state == "cancelled":
            return
        if state != "running":
            raise Refused
        for job_id in self.workflows[id_]:
            if not self.final(self.jobs[job_id]):
                self.cancel(job_id)

    def retry_workflow(self, id_: str) -> None:
        again = [job_id for job_id in self.workflows[id_] if self.jobs[job_id].state in _AGAIN]
        if not again:
            raise Refused
        self._replay(again)

    def workflow_state(self, id_: str) -> str:
        found = Counter(self.jobs[job_id].state for job_id in self.workflows[id_])
        if sum(found[state] for state in FINAL) < len(self.workflows[id_]):
            return "running"
        if found["failed"] or found["expired"]:
            return "failed"
        return "cancelled" if found["cancelled"] else "completed"

    def workflow_rows(self) -> list[tuple[Any, ...]]:
        """(id, jobs, how many in each of FINAL, finished)."""
        rows = []
        for id_, job_ids in self.workflows.items():
            found = Counter(self.jobs[job_id].state for job_id in job_ids)
            ended = [found[state] for state in FINAL]
            rows.append((id_, len(job_ids), *ended, sum(ended) == len(job_ids)))
        return sorted(rows)
