"""The client for threads and scripts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from tenure.client import routes
from tenure.client.batches import batches, encode_specs
from tenure.client.call import Call
from tenure.client.fleet import FleetMethods
from tenure.client.following import Follower
from tenure.client.operations import OperationMethods
from tenure.client.paging import items
from tenure.client.queues import QueueMethods
from tenure.client.retrying import RETRIED
from tenure.client.routes import Filter
from tenure.client.streams import Item, Stream
from tenure.client.submission import EditFields, JobSpec, SubmitFields, Submitted, encode_job
from tenure.client.target import Token, target
from tenure.client.transport import DEFAULT_TIMEOUT, Transport
from tenure.domain.errors import TenureError
from tenure.wire.base import Page
from tenure.wire.explaining import Explanation
from tenure.wire.jobs import Job, JobEvent, LogLine, Run, Upcoming
from tenure.wire.limits import Limit

if TYPE_CHECKING:
    import httpcore

    from tenure.client.access import Accounts
    from tenure.client.audit import AuditFilter
    from tenure.client.flows import WorkflowFields, WorkflowJob
    from tenure.client.listening import LiveEvent
    from tenure.client.notifications import Notifications
    from tenure.client.retrying import Patience
    from tenure.client.schedules import Schedules
    from tenure.wire.audit import AuditLine
    from tenure.wire.workflows import Workflow, WorkflowDetail

Result = TypeVar("Result")


class Client(FleetMethods, OperationMethods, QueueMethods):
    """Speaks to a coordinator from ordinary code; may be shared by threads.

    Without `url`, address, token and `ca_file` come from the settings (`TENURE_COORDINATOR_URL`,
    `TENURE_TOKEN`, `TENURE_TLS_CA`). `token` may be a function that gives the one of the moment.
    `timeout`: seconds of silence after which a request fails. Requests that are safe or carry a key
    are sent again within `patience`. Every method raises the TenureError that the coordinator
    named, and Unreachable when none answered.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: Token | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        patience: Patience | None = None,
        ca_file: str | None = None,
        pool: httpcore.ConnectionPool | None = None,
    ) -> None:
        url, token, ca_file = target(url, token, ca_file)
        self._transport = Transport(
            url,
            token=token,
            timeout=timeout,
            patience=patience,
            ca_file=ca_file,
            pool=pool,
        )

    @property
    def schedules(self) -> Schedules:
        """Recurring jobs: create, change, pause, run now, backfill."""
        from tenure.client.schedules import Schedules

        return Schedules(self.run)

    @property
    def accounts(self) -> Accounts:
        """Who one is, users and tokens."""
        from tenure.client.access import Accounts

        return Accounts(self.run)

    @property
    def notifications(self) -> Notifications:
        """Who is told of what: channels, rules, deliveries."""
        from tenure.client.notifications import Notifications

        return Notifications(self.run)

    @property
    def url(self) -> str:
        return self._transport.address.url

    def run(self, call: Call[Result]) -> Result:
        """Carry out any call of `tenure.client.routes`."""
        answer = self._transport.request(
            call.method,
            call.path,
            body=call.body,
            headers=call.headers,
            timeout=call.timeout,
            retry=call.repeatable,
        )
        return call.decode(answer)

    def submit(self, type: str, payload: Any = None, **fields: Unpack[SubmitFields]) -> Submitted:  # noqa: A002
        """Submit one job; when this returns, it is on disk. See `SubmitFields` for the rest.

        Raises InvalidInput naming the fields, TooLarge.
        """
        return self.run(routes.submit(encode_job(type, payload, fields)))

    def submit_many(self, jobs: Iterable[JobSpec]) -> Sequence[Submitted]:
        """Submit up to 10,000 jobs, all or none, answered in their order.

        Raises InvalidInput naming the wrong ones by place, TooLarge.
        """
        return self.run(routes.submit_all(encode_specs(jobs)))

    def submit_each(self, jobs: Iterable[JobSpec]) -> Sequence[Submitted | TenureError]:
        """Submit any number of jobs, each by itself, in as few requests as their size allows.

        Answered in their order; a refused job is the error in its place, not raised.
        """
        done: list[Submitted | TenureError] = []
        for batch in batches(encode_specs(jobs)):
            done += self.run(routes.submit_each(batch))
        return done

    def get(self, job_id: str) -> Job:
        """A job by its id, or by an unambiguous start of it (8 characters or more).

        Raises JobNotFound.
        """
        return self.run(routes.get(job_id))

    def wait(self, job_id: str, timeout: timedelta | float | None = None) -> Job:
        """The job once it has ended, well or not: look at its `status`.

        `timeout`: a timedelta or seconds; None waits for ever. Raises WaitTimeout, JobNotFound.
        """
        wait = routes.waiting(job_id, timeout)
        while not (job := self.run(wait.next())).finished:
            pass
        return job

    def list(self, *, limit: int | None = None, **shown: Unpack[Filter]) -> Iterator[Job]:
        """Jobs, newest first, page by page as they are asked for; at most `limit`."""
        return items(self.run, partial(routes.page, shown), limit)

    def page(
        self, *, limit: int | None = None, after: str | None = None, **shown: Unpack[Filter]
    ) -> Page[Job]:
        """One page. It may be short, even empty, while its `next` is set."""
        return self.run(routes.page(shown, limit, after))

    def update(self, job_id: str, version: int | None = None, **fields: Unpack[EditFields]) -> Job:
        """Change the given fields of a job that is not running; None sets one back.

        With `version` only if it is the current one: raises VersionConflict. Raises
        IllegalTransition for a running or ended job, InvalidInput.
        """
        return self.run(routes.update(job_id, version, fields))

    def delete(self, job_id: str) -> None:
        """Hide a job; an unfinished one is cancelled first. Raises IllegalTransition: running."""
        self.run(routes.delete(job_id))

    def cancel(self, job_id: str, reason: str | None = None) -> Job:
        """Stop a job: at once, or, when it runs, by asking its worker (`cancel_requested`)."""
        return self.run(routes.act(job_id, "cancel", reason))

    def retry(self, job_id: str, reason: str | None = None) -> Job:
        """Run an ended job again, with at least one attempt left. Raises IllegalTransition."""
        return self.run(routes.act(job_id, "retry", reason))

    def pause(self, job_id: str, reason: str | None = None) -> Job:
        """Hold a waiting job; it keeps its place. Raises IllegalTransition."""
        return self.run(routes.act(job_id, "pause", reason))

    def resume(self, job_id: str, reason: str | None = None) -> Job:
        """Let a paused job go on. Raises IllegalTransition."""
        return self.run(routes.act(job_id, "resume", reason))

    def runs(self, job_id: str) -> Sequence[Run]:
        """The attempts of a job, first to last."""
        return self.run(routes.runs(job_id))

    def logs(self, job_id: str, fence: int | None = None) -> Iterator[LogLine]:
        """What the job logged so far, in order; of one attempt with its `fence`."""
        return items(self.run, partial(routes.logs, job_id, fence))

    def follow(
        self, job_id: str, fence: int | None = None, timeout: timedelta | float | None = None
    ) -> Iterator[LogLine]:
        """What the job logs, as it comes, from its first line until the job has ended; of one
        attempt with its `fence`.

        `timeout`: a timedelta or seconds; None follows for ever. Raises WaitTimeout, up to five
        seconds late while lines come; JobNotFound, TooMany.
        """
        return self._read(Follower(job_id, fence, timeout, self._transport.patience))

    def listen(self, *topics: str, after: str | None = None) -> Iterator[LiveEvent]:
        """Live events of these topics (`stats` if none is named) as they come, for as long as they
        are read: numbers, and hints of what changed. See `docs/live-events.md` for the topics.

        `after`: the id of the event to go on behind. A broken stream is taken up again within the
        patience. Raises InvalidInput, JobNotFound, WorkflowNotFound, TooMany.
        """
        from tenure.client.listening import Listener

        return self._read(Listener(topics, after, self._transport.patience))

    def _read(self, stream: Stream[Item]) -> Iterator[Item]:
        while not stream.ended:
            try:
                with self._transport.stream(stream.path, stream.headers, stream.silence) as chunks:
                    for chunk in chunks:
                        yield from stream.take(chunk)
                stream.closed()
            except RETRIED as error:
                time.sleep(stream.pause(error))

    def events(self, job_id: str) -> Sequence[JobEvent]:
        """What people did to the job and what befell it, in order."""
        return self.run(routes.events(job_id))

    def pending(self, limit: int | None = None) -> Sequence[Upcoming]:
        """What would be claimed, in order of claim, at most `limit` (50)."""
        return self.run(routes.pending(limit))

    def explain(self, job_id: str) -> Explanation:
        """Why the job is where it is: the reasons, the one that decides first."""
        return self.run(routes.explain(job_id))

    def submit_workflow(
        self, jobs: Iterable[WorkflowJob], **fields: Unpack[WorkflowFields]
    ) -> Workflow:
        """Submit jobs that depend on each other, all or none, as one workflow.

        Raises InvalidInput naming the unknown key or the cycle, TooLarge.
        """
        from tenure.client import flows

        return self.run(flows.submit(jobs, fields))

    def workflow(self, workflow_id: str) -> WorkflowDetail:
        """A workflow with its jobs. Raises WorkflowNotFound."""
        from tenure.client import flows

        return self.run(flows.get(workflow_id))

    def workflows(
        self, *, status: str | None = None, limit: int | None = None
    ) -> Iterator[Workflow]:
        """Workflows, newest first, page by page as they are asked for; at most `limit`."""
        from tenure.client import flows

        return items(self.run, partial(flows.page, status), limit)

    def wait_workflow(
        self, workflow_id: str, timeout: timedelta | float | None = None
    ) -> WorkflowDetail:
        """The workflow once every job of it has ended, well or not: look at its `status`.

        Raises WaitTimeout, WorkflowNotFound.
        """
        from tenure.client import flows

        wait = flows.waiting(workflow_id, timeout)
        while not (found := self.run(wait.next())).finished:
            pass
        return found

    def cancel_workflow(self, workflow_id: str, reason: str | None = None) -> Workflow:
        """Stop every unfinished job of a workflow. Raises IllegalTransition when it is finished."""
        from tenure.client import flows

        return self.run(flows.act(workflow_id, "cancel", reason))

    def retry_workflow(self, workflow_id: str, reason: str | None = None) -> Workflow:
        """Run again what failed, expired or was cancelled. Raises IllegalTransition."""
        from tenure.client import flows

        return self.run(flows.act(workflow_id, "retry", reason))

    def limits(self) -> Sequence[Limit]:
        """The limits of concurrency keys that somebody set or that are in use, by key."""
        return list(items(self.run, routes.limits))

    def limit(self, key: str) -> Limit:
        """A concurrency key's limit and its use; one job at a time unless it was set."""
        return self.run(routes.limit(key))

    def set_limit(self, key: str, max_running: int) -> Limit:
        """How many jobs of a key may be pending or running at a time; 0 holds all of them back."""
        return self.run(routes.set_limit(key, max_running))

    def unset_limit(self, key: str) -> None:
        """Put a key back to the default of one."""
        self.run(routes.unset_limit(key))

    def audit(
        self, *, limit: int | None = None, **shown: Unpack[AuditFilter]
    ) -> Iterator[AuditLine]:
        """Who did what, newest first, page by page as they are asked for; at most `limit`."""
        from tenure.client import audit

        return items(self.run, partial(audit.page, shown), limit)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
