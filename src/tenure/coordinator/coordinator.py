"""One coordinator: its store, its use cases, and how they hang together."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from operator import attrgetter

from tenure.coordinator.accounts import Accounts
from tenure.coordinator.auditing import Auditing
from tenure.coordinator.authentication import Authentication
from tenure.coordinator.charts import Charts
from tenure.coordinator.concealing import Concealment
from tenure.coordinator.control import Control
from tenure.coordinator.deadletters import DeadLetterOffice
from tenure.coordinator.fleet import Fleet
from tenure.coordinator.flows import Workflows
from tenure.coordinator.following import Following
from tenure.coordinator.insight import Insight
from tenure.coordinator.installation import Installation
from tenure.coordinator.intake import check_size, decode_one, decode_values
from tenure.coordinator.leasing import Leasing
from tenure.coordinator.limiting import Limiting
from tenure.coordinator.live import Live
from tenure.coordinator.metering import Meter
from tenure.coordinator.metrics import Metrics
from tenure.coordinator.notifying import Notifying
from tenure.coordinator.operations import Operations
from tenure.coordinator.passwords import Passwords
from tenure.coordinator.queueing import Queueing
from tenure.coordinator.scheduling import Scheduling
from tenure.coordinator.signing import Signer
from tenure.coordinator.submission import Submission
from tenure.coordinator.throttling import Throttle
from tenure.coordinator.tokens import Tokens
from tenure.coordinator.users import Users
from tenure.coordinator.wakeups import Check, Wakeups, allowed
from tenure.domain.access import LOCAL_ADMIN, Principal
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import InvalidInput, TooLarge
from tenure.domain.ids import IdSource
from tenure.domain.lease import LeaseTerms
from tenure.settings import Settings
from tenure.store.committer import Committer
from tenure.store.engine import Store, open_store
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.telemetry.tracing import Tracing
from tenure.wire import leases
from tenure.wire.base import validate
from tenure.wire.jobs import Job, JobEdit


class Coordinator:
    """Everything between HTTP and the store. Use from one event loop, `start` to `stop`."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store | None = None,
        clock: Clock | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.settings = settings
        self.tracing = tracing
        self.store = store or open_store(settings.database_url)
        self.clock = clock or Clock()
        self.ids = IdSource()
        self.id = self.ids.one(self.clock.now())
        self.terms = LeaseTerms(settings.lease.total_seconds())
        self.wakeups = Wakeups()
        self.random = random.random
        self.committer = Committer(
            self.store,
            self.clock,
            self.id,
            terms=self.terms,
            random=self.random,
            max_waiting=settings.limits.queued_writes,
            committed=self._committed,
        )
        self.metrics = Metrics()
        self.reader = Reader(self.store, self.clock, self.metrics.has_read)
        self._listener: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[Unit], None]] = []
        self._make_access(settings)
        self._make_use_cases(settings)

    def _make_access(self, settings: Settings) -> None:
        self.signer = Signer(self.clock)
        self.authentication = Authentication(self.committer, self.reader, self.clock, self.signer)
        parts = (self.committer, self.reader, self.ids, self.clock)
        self.installation = Installation(*parts, self.signer, settings, self.store.directory)
        passwords = Passwords()
        self.accounts = Accounts(
            *parts,
            self.signer,
            passwords,
            self.authentication,
            open_registration=settings.registration_open,
        )
        self.users = Users(*parts, passwords, self.authentication)
        self.tokens = Tokens(*parts, self.authentication)

    def _make_use_cases(self, settings: Settings) -> None:
        parts = (self.committer, self.reader, self.ids, self.clock)
        limits = settings.limits
        self.concealment = concealment = Concealment(self.reader)
        self.throttle = Throttle(self.clock, limits)
        meter = Meter(self.clock, settings.quotas)
        self.submission = Submission(
            self.committer,
            self.reader,
            self.wakeups,
            self.ids,
            self.clock,
            limits,
            concealment,
            meter,
        )
        self.leasing = Leasing(
            self.committer, self.reader, self.wakeups, self.clock, self.terms, limits, self.tracing
        )
        self.insight = Insight(self.reader, self.clock)
        self.charts = Charts(self.reader)
        self.live = Live(self.reader, self.insight, self.clock, shared=lambda: self.committer.peers)
        self.control = Control(
            self.committer, self.reader, self.insight, self.clock, limits, concealment
        )
        self.auditing = Auditing(self.committer, self.reader)
        self.limiting = Limiting(self.committer, self.reader)
        self.queueing = Queueing(self.committer, self.reader, self.insight, self.clock)
        self.following = Following(self.reader, self.wakeups)
        self.operations = Operations(*parts)
        self.notifying = Notifying(*parts)
        self.workflows = Workflows(*parts, limits, self.wakeups, concealment, meter)
        self.scheduling = Scheduling(*parts, settings, concealment, meter)
        self.dead_letters = DeadLetterOffice(self.reader, self.clock)
        self.fleet = Fleet(*parts, settings, concealment, self.signer)

    def on_commit(self, tell: Callable[[Unit], None]) -> None:
        """Call `tell` with the unit of every commit, in the loop."""
        self._listeners.append(tell)

    def count_coordinators(self, number: int) -> None:
        """How many coordinators share the store: alone, nobody has to be notified."""
        self.committer.peers = number > 1

    async def start(self) -> None:
        """Open the store, migrate it, take work. Legal twice. Raises ConfigurationError."""
        if self._listener is not None:
            return
        await self.store.open()
        offset, _ = await self.store.clock_offset(self.clock.monotonic)
        self.clock.adjust(offset)
        await self.concealment.refresh()
        self.committer.start()
        await self.installation.prepare()
        self._listener = asyncio.create_task(self.store.listen(self._heard))

    def answer_waiting(self) -> None:
        """Answer everybody who waits and end every stream: the coordinator is about to stop."""
        self.wakeups.stop()
        self.live.stop()

    async def stop(self) -> None:
        """Answer those who wait, commit what is under way, close. Legal twice."""
        self.answer_waiting()
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None
        await self.committer.stop()
        await self.store.close()
        if self.tracing is not None:
            await asyncio.to_thread(self.tracing.close)

    async def look_again(self) -> None:
        """Find what waiting polls and followers of logs were not told, or missed."""
        await self.concealment.refresh()
        await self.leasing.look_again()
        await self.following.look_again()

    async def wait(
        self, job_id: str, principal: Principal, seconds: float, still: Check = allowed
    ) -> Job:
        """A job, as soon as it is finished or after `seconds`; `still` raises when the caller may
        wait no longer. Raises JobNotFound."""
        job = await self.control.get(job_id, principal)
        if job.finished or seconds <= 0:
            return job
        read = partial(self.control.get, job.id, principal)
        return await self.wakeups.until(job.id, read, attrgetter("finished"), seconds, still)

    async def edit(
        self, job_id: str, body: bytes, principal: Principal, if_match: str | None
    ) -> Job:
        """Edit a job that is not running; only the fields in `body` change.

        Raises JobNotFound, InvalidInput, TooLarge, VersionConflict, PreconditionFailed,
        IllegalTransition.
        """
        check_size(body, self.settings.limits)
        fields = decode_one(body)
        payload = fields.pop("payload", None)
        if payload is not None and len(bytes(payload)) > self.settings.limits.payload:
            raise TooLarge(f"payload: at most {self.settings.limits.payload} bytes")
        values = decode_values(fields)
        if not values and payload is None:
            raise InvalidInput.field("", "name at least one field to change")
        changes = validate(JobEdit, values)
        return await self.control.edit(job_id, principal, changes, payload, if_match)

    async def complete_one(self, job_id: str, report: leases.CompleteOne) -> Job:
        """Settle one report; the job as it then is. Raises LeaseLost, InvalidInput."""
        await self.leasing.complete_one(job_id, report)
        return await self.control.get(job_id, LOCAL_ADMIN)

    def _committed(self, unit: Unit) -> None:
        self.live.committed()
        self.metrics.committed(unit)
        for tell in self._listeners:
            tell(unit)
        for (queue, type_), number in unit.ready.items():
            if number > 0:
                self.wakeups.ready(queue, type_, number)
        for queue, number in unit.freed.items():
            if number > 0:
                self.wakeups.queue_ready(queue, number)
        for queue, (at, number) in unit.opens.items():
            wait = max(at - self.clock.now(), 0) / SECOND
            self.wakeups.queue_ready_later(queue, wait, number)
        if unit.woken:
            self.wakeups.tell(unit.woken)
        self.wakeups.ended(unit.finished)
        self.wakeups.logged(unit.logged)

    def _heard(self, word: str) -> None:
        """Another coordinator announced a queue or a worker."""
        kind, _, name = word.partition(":")
        if kind == "q":
            self.wakeups.queue_ready(name)
        elif kind == "w":
            self.wakeups.tell((name,))
