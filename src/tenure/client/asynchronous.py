"""The client for asyncio: `Client` with `await`, and submits gathered into batches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from tenure.client import routes
from tenure.client.batches import batches, encode_specs
from tenure.client.call import Call
from tenure.client.fleet import AsyncFleetMethods
from tenure.client.following import Follower
from tenure.client.gathering import Gatherer
from tenure.client.operations import AsyncOperationMethods
from tenure.client.paging import items_awaited
from tenure.client.queues import AsyncQueueMethods
from tenure.client.retrying import RETRIED
from tenure.client.routes import Filter
from tenure.client.streams import Item, Stream
from tenure.client.submission import EditFields, JobSpec, SubmitFields, Submitted, encode_job
from tenure.client.target import Token, target
from tenure.client.transport import DEFAULT_TIMEOUT, AsyncTransport
from tenure.domain.errors import TenureError
from tenure.wire.base import Page
from tenure.wire.explaining import Explanation
from tenure.wire.jobs import Job, JobEvent, LogLine, Run, Upcoming
from tenure.wire.limits import Limit

if TYPE_CHECKING:
    import httpcore

    from tenure.client.access import AsyncAccounts
    from tenure.client.audit import AuditFilter
    from tenure.client.flows import WorkflowFields, WorkflowJob
    from tenure.client.listening import LiveEvent
    from tenure.client.notifications import AsyncNotifications
    from tenure.client.retrying import Patience
    from tenure.client.schedules import AsyncSchedules
    from tenure.wire.audit import AuditLine
    from tenure.wire.workflows import Workflow, WorkflowDetail

Result = TypeVar("Result")


class AsyncClient(AsyncFleetMethods, AsyncOperationMethods, AsyncQueueMethods):
    """`Client` for one event loop: the same methods, arguments and errors, awaited.

    Concurrent `submit` calls travel together: what waits while a request is on its way goes into
    the next one. Close it with `async with` or `aclose`.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: Token | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        patience: Patience | None = None,
        ca_file: str | None = None,
        pool: httpcore.AsyncConnectionPool | None = None,
    ) -> None:
        url, token, ca_file = target(url, token, ca_file)
        self._transport = AsyncTransport(
            url,
            token=token,
            timeout=timeout,
            patience=patience,
            ca_file=ca_file,
            pool=pool,
        )
        self._gatherer = Gatherer(self.run)

    @property
    def schedules(self) -> AsyncSchedules:
        """See `Client.schedules`."""
        from tenure.client.schedules import AsyncSchedules

        return AsyncSchedules(self.run)

    @property
    def notifications(self) -> AsyncNotifications:
        """See `Client.notifications`."""
        from tenure.client.notifications import AsyncNotifications

        return AsyncNotifications(self.run)

    @property
    def accounts(self) -> AsyncAccounts:
        """See `Client.accounts`."""
        from tenure.client.access import AsyncAccounts

        return AsyncAccounts(self.run)

    @property
    def url(self) -> str:
        return self._transport.address.url

    async def run(self, call: Call[Result]) -> Result:
        """See `Client.run`."""
        answer = await self._transport.request(
            call.method,
            call.path,
            body=call.body,
            headers=call.headers,
            timeout=call.timeout,
            retry=call.repeatable,
        )
        return call.decode(answer)

    async def submit(
        self,
        type: str,  # noqa: A002
        payload: Any = None,
        **fields: Unpack[SubmitFields],
    ) -> Submitted:
        """See `Client.submit`."""
        return await self._gatherer.submit(encode_job(type, payload, fields))

    async def submit_many(self, jobs: Iterable[JobSpec]) -> Sequence[Submitted]:
        """See `Client.submit_many`."""
        return await self.run(routes.submit_all(encode_specs(jobs)))

    async def submit_each(self, jobs: Iterable[JobSpec]) -> Sequence[Submitted | TenureError]:
        """See `Client.submit_each`."""
        done: list[Submitted | TenureError] = []
        for batch in batches(encode_specs(jobs)):
            done += await self.run(routes.submit_each(batch))
        return done

    async def get(self, job_id: str) -> Job:
        """See `Client.get`."""
        return await self.run(routes.get(job_id))

    async def wait(self, job_id: str, timeout: timedelta | float | None = None) -> Job:
        """See `Client.wait`."""
        wait = routes.waiting(job_id, timeout)
        while not (job := await self.run(wait.next())).finished:
            pass
        return job

    def list(self, *, limit: int | None = None, **shown: Unpack[Filter]) -> AsyncIterator[Job]:
        """See `Client.list`."""
        return items_awaited(self.run, partial(routes.page, shown), limit)

    async def page(
        self, *, limit: int | None = None, after: str | None = None, **shown: Unpack[Filter]
    ) -> Page[Job]:
        """See `Client.page`."""
        return await self.run(routes.page(shown, limit, after))

    async def update(
        self, job_id: str, version: int | None = None, **fields: Unpack[EditFields]
    ) -> Job:
        """See `Client.update`."""
        return await self.run(routes.update(job_id, version, fields))

    async def delete(self, job_id: str) -> None:
        """See `Client.delete`."""
        await self.run(routes.delete(job_id))

    async def cancel(self, job_id: str, reason: str | None = None) -> Job:
        """See `Client.cancel`."""
        return await self.run(routes.act(job_id, "cancel", reason))

    async def retry(self, job_id: str, reason: str | None = None) -> Job:
        """See `Client.retry`."""
        return await self.run(routes.act(job_id, "retry", reason))

    async def pause(self, job_id: str, reason: str | None = None) -> Job:
        """See `Client.pause`."""
        return await self.run(routes.act(job_id, "pause", reason))

    async def resume(self, job_id: str, reason: str | None = None) -> Job:
        """See `Client.resume`."""
        return await self.run(routes.act(job_id, "resume", reason))

    async def runs(self, job_id: str) -> Sequence[Run]:
        """See `Client.runs`."""
        return await self.run(routes.runs(job_id))

    def logs(self, job_id: str, fence: int | None = None) -> AsyncIterator[LogLine]:
        """See `Client.logs`."""
        return items_awaited(self.run, partial(routes.logs, job_id, fence))

    def follow(
        self, job_id: str, fence: int | None = None, timeout: timedelta | float | None = None
    ) -> AsyncIterator[LogLine]:
        """See `Client.follow`."""
        return self._read(Follower(job_id, fence, timeout, self._transport.patience))

    def listen(self, *topics: str, after: str | None = None) -> AsyncIterator[LiveEvent]:
        """See `Client.listen`."""
        from tenure.client.listening import Listener

        return self._read(Listener(topics, after, self._transport.patience))

    async def _read(self, stream: Stream[Item]) -> AsyncIterator[Item]:
        while not stream.ended:
            try:
                async with self._transport.stream(
                    stream.path, stream.headers, stream.silence
                ) as chunks:
                    async for chunk in chunks:
                        for item in stream.take(chunk):
                            yield item
                stream.closed()
            except RETRIED as error:
                await asyncio.sleep(stream.pause(error))

    async def events(self, job_id: str) -> Sequence[JobEvent]:
        """See `Client.events`."""
        return await self.run(routes.events(job_id))

    async def pending(self, limit: int | None = None) -> Sequence[Upcoming]:
        """See `Client.pending`."""
        return await self.run(routes.pending(limit))

    async def explain(self, job_id: str) -> Explanation:
        """See `Client.explain`."""
        return await self.run(routes.explain(job_id))

    async def submit_workflow(
        self, jobs: Iterable[WorkflowJob], **fields: Unpack[WorkflowFields]
    ) -> Workflow:
        """See `Client.submit_workflow`."""
        from tenure.client import flows

        return await self.run(flows.submit(jobs, fields))

    async def workflow(self, workflow_id: str) -> WorkflowDetail:
        """See `Client.workflow`."""
        from tenure.client import flows

        return await self.run(flows.get(workflow_id))

    def workflows(
        self, *, status: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Workflow]:
        """See `Client.workflows`."""
        from tenure.client import flows

        return items_awaited(self.run, partial(flows.page, status), limit)

    async def wait_workflow(
        self, workflow_id: str, timeout: timedelta | float | None = None
    ) -> WorkflowDetail:
        """See `Client.wait_workflow`."""
        from tenure.client import flows

        wait = flows.waiting(workflow_id, timeout)
        while not (found := await self.run(wait.next())).finished:
            pass
        return found

    async def cancel_workflow(self, workflow_id: str, reason: str | None = None) -> Workflow:
        """See `Client.cancel_workflow`."""
        from tenure.client import flows

        return await self.run(flows.act(workflow_id, "cancel", reason))

    async def retry_workflow(self, workflow_id: str, reason: str | None = None) -> Workflow:
        """See `Client.retry_workflow`."""
        from tenure.client import flows

        return await self.run(flows.act(workflow_id, "retry", reason))

    async def limits(self) -> Sequence[Limit]:
        """See `Client.limits`."""
        return [limit async for limit in items_awaited(self.run, routes.limits)]

    async def limit(self, key: str) -> Limit:
        """See `Client.limit`."""
        return await self.run(routes.limit(key))

    async def set_limit(self, key: str, max_running: int) -> Limit:
        """See `Client.set_limit`."""
        return await self.run(routes.set_limit(key, max_running))

    async def unset_limit(self, key: str) -> None:
        """See `Client.unset_limit`."""
        await self.run(routes.unset_limit(key))

    def audit(
        self, *, limit: int | None = None, **shown: Unpack[AuditFilter]
    ) -> AsyncIterator[AuditLine]:
        """See `Client.audit`."""
        from tenure.client import audit

        return items_awaited(self.run, partial(audit.page, shown), limit)

    async def aclose(self) -> None:
        """Close the connections; submits that still wait get Unreachable."""
        await self._gatherer.close()
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
