"""Submitting jobs: one or many, at most once per idempotency key."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from time import perf_counter

from tenure.coordinator import present, receipts
from tenure.coordinator.concealing import Concealment
from tenure.coordinator.intake import CHUNK, Fields, Intake, check_size, decode_many, decode_one
from tenure.coordinator.metering import Meter
from tenure.coordinator.wakeups import Wakeups
from tenure.domain import ids
from tenure.domain.access import Permission, Principal, Role
from tenure.domain.clock import Clock
from tenure.domain.errors import Forbidden, InvalidInput, TenureError, TooLarge, UniqueTaken
from tenure.domain.ids import IdSource
from tenure.domain.job import MAX_KEY, NewJob
from tenure.domain.run import LeaseRef
from tenure.settings import Limits
from tenure.store import reads
from tenure.store.additions import add
from tenure.store.committer import Committer
from tenure.store.quotas import check_room
from tenure.store.reader import Reader
from tenure.store.submits import Submission as Request
from tenure.store.submits import Submitted
from tenure.store.unit import Unit
from tenure.store.workflow_reads import edges_of
from tenure.wire.base import encode
from tenure.wire.jobs import Batch, BatchItem, Job
from tenure.wire.text import unstorable

TURN_SECONDS = 0.02
_ENOUGH = 20


@dataclass(slots=True)
class Receipt:
    """The answer to a submit: JSON bytes, the id of the (first) job, whether it is a replay."""

    body: bytes
    job_id: str
    replayed: bool = False


@dataclass(slots=True)
class _Incoming:
    """A batch being checked: `total` items, the good ones with places, the others by place."""

    total: int
    jobs: list[NewJob] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    refused: dict[int, TenureError] = field(default_factory=dict)

    def refuse_all(self) -> None:
        """All or nothing: one error that names every wrong field (the first _ENOUGH)."""
        errors = [e for error in self.refused.values() for e in error.errors][:_ENOUGH]
        first = next(iter(self.refused.values()))
        raise type(first)(first.detail, errors=tuple(errors))


class Submission:
    """Takes submits. Answers after the commit."""

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        wakeups: Wakeups,
        id_source: IdSource,
        clock: Clock,
        limits: Limits,
        concealment: Concealment,
        meter: Meter,
    ) -> None:
        self._concealment = concealment
        self._committer = committer
        self._reader = reader
        self._wakeups = wakeups
        self._ids = id_source
        self._clock = clock
        self._limits = limits
        self._meter = meter

    async def one(
        self, body: bytes, principal: Principal, key: str | None = None, trace: str | None = None
    ) -> Receipt:
        """Submit one job from its JSON. `key` is the Idempotency-Key header; `trace`: see `Intake`.

        Raises InvalidInput, MalformedBody, TooLarge, IdempotencyMismatch, UniqueTaken, TooMany,
        Unavailable; Forbidden for a script that the caller may not submit, and to a worker that
        names no parent; QuotaExceeded.
        """
        check_key(key)
        check_size(body, self._limits)
        now = self._clock.now()
        intake = self._intake(now, principal, trace)
        job = intake.take(decode_one(body))
        job.id = self._ids.one(now)
        self._meter.submitting(principal, 1)
        if intake.caller is not None:
            if key is not None or job.idempotency_key is not None:
                raise InvalidInput.field("key", "names a job with a parent, not an idempotency key")
            return await self._add(job, intake.caller, now, principal)
        _refuse_workers(principal)
        # A key in the body guards this job; the header's guards the request: here they are one.
        digest = job.digest if key is None and job.digest else _digest("POST /api/jobs", body)
        key = key or job.idempotency_key
        job.idempotency_key = job.digest = None
        answer = encode(receipts.created(job, now, self._concealment.shown))
        stored = answer.decode() if key else None
        request = self._request([job], now, principal)
        request.key, request.digest, request.answer, request.pointer = key, digest, stored, ""
        submitted = await self._commit(request)
        if submitted.replayed is not None:
            replay = submitted.replayed.encode()
            return Receipt(replay, receipts.id_of(replay), replayed=True)
        existing = submitted.existing.get(0)
        if existing is not None:
            return await self._existing(job, existing, principal)
        if job.edges or job.spec.options.concurrency_key is not None:
            # Only the commit shows whether it waits: for a job that may have ended, for a key.
            answer = await self._as_it_is(job.id, principal) or answer
        return Receipt(answer, job.id)

    def _request(
        self, jobs: list[NewJob], now: int, principal: Principal, atomic: bool = True
    ) -> Request:
        return Request(
            jobs,
            now,
            principal.id or "",
            atomic,
            tied=any(job.edges for job in jobs),
            only=principal.only,
            most_unfinished=self._meter.most_unfinished(principal),
        )

    def _intake(self, now: int, principal: Principal, trace: str | None) -> Intake:
        scripts = principal.may(Permission.SCRIPT)
        intake = Intake(self._limits, now, principal.owner_id, scripts=scripts)
        intake.check_masks, intake.trace = self._concealment.checks, trace
        return intake

    async def _existing(self, job: NewJob, existing: str, principal: Principal) -> Receipt:
        """The job that stands for another one. Raises UniqueTaken when nothing of it is left."""
        body = await self._as_it_is(existing, principal)
        if body is None and (unique := job.spec.options.unique) is not None:
            raise UniqueTaken(f"the unique key {unique.key} belongs to job {existing}, now gone")
        if body is None:
            job.id = existing
            at = ids.created_at(existing)
            body = encode(receipts.created(job, at, self._concealment.shown))
        return Receipt(body, existing, replayed=True)

    async def _as_it_is(self, job_id: str, principal: Principal) -> bytes | None:
        def read(unit: Unit) -> Job | None:
            rows = reads.jobs(unit, [job_id], principal.only)
            edges = edges_of(unit, [job_id]).get(job_id, [])
            conceal = self._concealment.shown
            return present.linked(present.job(rows[0], conceal), edges) if rows else None

        found = await self._reader.run(read)
        return None if found is None else encode(found)

    async def _add(self, job: NewJob, caller: LeaseRef, now: int, principal: Principal) -> Receipt:
        """A job of a running one, which a worker must hold. Raises also LeaseLost, Conflict."""
        worker_id = principal.id if principal.role is Role.WORKER else None
        most = self._meter.most_unfinished(principal)

        def do(unit: Unit) -> str:
            check_room(unit, principal.only, most, 1)
            return add(unit, job, caller, now, worker_id, principal.only)

        job_id = await self._committer.run(do, key=caller.job_id)
        existing, job.id = job_id != job.id, job_id
        at = ids.created_at(job_id) if existing else now
        answer = encode(receipts.created(job, at, self._concealment.shown))
        if job.edges and not existing:
            answer = await self._as_it_is(job_id, principal) or answer
        return Receipt(answer, job_id, replayed=existing)

    async def many(
        self,
        body: bytes,
        principal: Principal,
        *,
        lines: bool = False,
        atomic: bool = True,
        key: str | None = None,
        trace: str | None = None,
    ) -> Receipt:
        """Submit a batch. Atomic: any wrong job refuses all; else each is answered by itself.

        Checked in stretches of TURN_SECONDS, so that the loop is never held. Rest: see `one`.
        """
        _refuse_workers(principal)
        check_key(key)
        now = self._clock.now()
        intake = self._intake(now, principal, trace)
        incoming = await self._check(body, lines, intake, _ENOUGH if atomic else None)
        if incoming.refused and atomic:
            incoming.refuse_all()
        if key is not None and any(job.idempotency_key for job in incoming.jobs):
            either = "give one for the request or one for each job, not both"
            raise InvalidInput.field("Idempotency-Key", either)
        jobs = self._named(incoming.jobs, now)
        answer = encode(_batch(incoming, Submitted()))
        if not jobs:
            return Receipt(answer, "")
        self._meter.submitting(principal, len(jobs))
        request = self._request(jobs, now, principal, atomic)
        request.told = lambda found: encode(_batch(incoming, found)).decode()
        if key is not None:
            request.key, request.digest = key, _digest("POST /api/jobs/batch", body)
            request.answer = answer.decode()
        submitted = await self._commit(request)
        if submitted.replayed is not None:
            return Receipt(submitted.replayed.encode(), jobs[0].id, replayed=True)
        if submitted.existing or submitted.refused:
            answer = encode(_batch(incoming, submitted))
        return Receipt(answer, jobs[0].id)

    def _named(self, jobs: list[NewJob], now: int) -> list[NewJob]:
        for job, job_id in zip(jobs, self._ids.make(now, len(jobs)), strict=True):
            job.id = job_id
        return jobs

    async def _check(
        self, body: bytes, lines: bool, intake: Intake, enough: int | None
    ) -> _Incoming:
        """The jobs of a batch; with `enough` the rest is left out after so many wrong ones."""
        if len(body) > self._limits.body:
            raise TooLarge(f"a batch takes at most {self._limits.body} bytes")
        items = decode_many(body, lines=lines, limits=self._limits)
        incoming = _Incoming(len(items))
        until = perf_counter() + TURN_SECONDS
        for place, fields in enumerate(items):
            if place % CHUNK == 0 and perf_counter() > until:
                await asyncio.sleep(0)
                until = perf_counter() + TURN_SECONDS
            try:
                incoming.jobs.append(_alone(intake, fields, f"/{place}"))
                incoming.places.append(place)
            except TenureError as error:
                # Ten thousand tracebacks with their frames would be collected in one long stop.
                error.__traceback__ = error.__context__ = None
                incoming.refused[place] = error
                if len(incoming.refused) == enough:
                    break
        return incoming

    async def _commit(self, request: Request) -> Submitted:
        # Woken before the commit: a waiting poll then claims in the same transaction.
        for spec, alike in groupby(request.jobs, key=attrgetter("spec")):
            waits = spec.options.run_at is not None or spec.options.concurrency_key is not None
            if not waits and not request.tied:
                self._wakeups.ready(spec.queue, spec.type, sum(1 for _ in alike))
        return await self._committer.submit(request)


def _refuse_workers(principal: Principal) -> None:
    if principal.role is Role.WORKER:
        raise Forbidden("a worker submits only with the parent that it runs, one job at a time")


def _alone(intake: Intake, fields: Fields, pointer: str) -> NewJob:
    """A job of a batch. Raises InvalidInput when a running job is to be its parent."""
    job = intake.take(fields, pointer)
    if job.key is not None or intake.caller is not None:
        raise InvalidInput.field(f"{pointer}/parent", "only POST /api/jobs takes it")
    return job


def _digest(route: str, body: bytes) -> str:
    return hashlib.sha256(route.encode() + b"\x00" + body).hexdigest()


def check_key(key: str | None) -> None:
    """Refuse an Idempotency-Key that cannot be stored. Raises InvalidInput."""
    if key is not None and (not 0 < len(key) <= MAX_KEY or unstorable(key)):
        raise InvalidInput.field("Idempotency-Key", f"must have 1 to {MAX_KEY} characters")


def _batch(incoming: _Incoming, submitted: Submitted) -> Batch:
    jobs = incoming.jobs
    if not (incoming.refused or submitted.existing or submitted.refused):
        items = [BatchItem(outcome="created", id=job.id) for job in jobs]
        return Batch(created=len(items), existing=0, refused=0, items=items)
    answers: dict[int, BatchItem] = {
        place: BatchItem(outcome="refused", error=receipts.refusal(error))
        for place, error in incoming.refused.items()
    }
    for index, (place, job) in enumerate(zip(incoming.places, jobs, strict=True)):
        if index in submitted.existing:
            answers[place] = BatchItem(outcome="existing", id=submitted.existing[index])
        elif index in submitted.refused:
            error = submitted.refused[index]
            answers[place] = BatchItem(outcome="refused", error=receipts.refusal(error))
        else:
            answers[place] = BatchItem(outcome="created", id=job.id)
    counts = Counter(item.outcome for item in answers.values())
    return Batch(
        created=counts["created"],
        existing=counts["existing"],
        refused=counts["refused"],
        items=[answers[place] for place in range(incoming.total)],
    )
