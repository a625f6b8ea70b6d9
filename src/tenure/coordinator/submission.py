"""Submitting jobs: one or many, at most once per idempotency key."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field

from tenure.coordinator import receipts
from tenure.coordinator.intake import CHUNK, Asked, Intake, decode_many, decode_one, take_some
from tenure.coordinator.wakeups import Wakeups
from tenure.domain.access import Principal
from tenure.domain.clock import Clock
from tenure.domain.errors import IdempotencyMismatch, InvalidInput, TenureError, TooLarge
from tenure.domain.ids import IdSource
from tenure.domain.job import MAX_KEY, NewJob
from tenure.settings import Limits
from tenure.store.committer import Committer
from tenure.store.submits import Submission as Request
from tenure.store.submits import Submitted
from tenure.wire.base import encode
from tenure.wire.jobs import Batch, BatchItem
from tenure.wire.text import unstorable


@dataclass(slots=True)
class Receipt:
    """The answer to a submit: JSON bytes, the id of the (first) job, whether it is a replay."""

    body: bytes
    job_id: str
    replayed: bool = False


@dataclass(slots=True)
class _Refusals:
    """The wrong jobs of a batch, by place."""

    by_place: dict[int, TenureError] = field(default_factory=dict)

    def add(self, place: int, error: TenureError) -> None:
        self.by_place[place] = error

    def raise_all(self) -> None:
        """All or nothing: one error that names every wrong field (the first 20)."""
        errors = [e for error in self.by_place.values() for e in error.errors][:20]
        first = next(iter(self.by_place.values()))
        raise type(first)(first.detail, errors=tuple(errors))


class Submission:
    """Takes submits. Answers after the commit."""

    def __init__(
        self, committer: Committer, wakeups: Wakeups, ids: IdSource, clock: Clock, limits: Limits
    ) -> None:
        self._committer = committer
        self._wakeups = wakeups
        self._ids = ids
        self._clock = clock
        self._limits = limits

    async def one(self, body: bytes, principal: Principal, key: str | None = None) -> Receipt:
        """Submit one job from its JSON. `key` is the Idempotency-Key header.

        Raises InvalidInput, MalformedBody, TooLarge, IdempotencyMismatch, TooMany, Unavailable.
        """
        _check_key(key)
        now = self._clock.now()
        asked = Intake(self._limits, now).take(decode_one(body))
        key, digest = self._whole_key("POST /api/jobs", body, key or asked.key, key, asked)
        job = self._new(asked, self._ids.one(now), principal)
        job.idempotency_key = job.digest = None
        answer = encode(receipts.created(job, now))
        request = Request(
            [job],
            now,
            owner=principal.id or "",
            key=key,
            digest=digest,
            answer=answer.decode() if key else None,
        )
        submitted = await self._commit(request)
        if submitted.replayed is not None:
            replay = submitted.replayed.encode()
            return Receipt(replay, receipts.id_of(replay), replayed=True)
        return Receipt(answer, job.id)

    def _whole_key(
        self, route: str, body: bytes, key: str | None, header: str | None, asked: Asked | None
    ) -> tuple[str | None, str]:
        if key is None:
            return None, ""
        if header is None and asked is not None and asked.digest is not None:
            return key, asked.digest
        return key, hashlib.sha256(route.encode() + b"\x00" + body).hexdigest()

    async def many(
        self,
        body: bytes,
        principal: Principal,
        *,
        lines: bool = False,
        atomic: bool = True,
        key: str | None = None,
    ) -> Receipt:
        """Submit a batch. Atomic: any wrong job refuses all; else each is answered by itself.

        Checked CHUNK jobs at a time, so that the loop is never held for long.
        """
        _check_key(key)
        if len(body) > self._limits.body:
            raise TooLarge(f"a batch takes at most {self._limits.body} bytes")
        now = self._clock.now()
        items = decode_many(body, lines=lines, limits=self._limits)
        intake, refusals = Intake(self._limits, now), _Refusals()
        taken: list[tuple[int, Asked]] = []
        for start in range(0, len(items), CHUNK):
            if start:
                await asyncio.sleep(0)
            taken += take_some(intake, items, start, refusals.add)
        if refusals.by_place and atomic:
            refusals.raise_all()
        jobs = self._new_many(taken, now, principal)
        places = [place for place, _ in taken]
        answer = _batch(len(items), places, jobs, Submitted(), refusals)
        whole, digest = self._whole_key("POST /api/jobs/batch", body, key, key, None)
        request = Request(
            jobs,
            now,
            owner=principal.id or "",
            atomic=atomic,
            key=whole,
            digest=digest,
            answer=encode(answer).decode() if whole else None,
        )
        first = jobs[0].id if jobs else ""
        if not jobs:
            return Receipt(encode(answer), first)
        submitted = await self._commit(request)
        if submitted.replayed is not None:
            return Receipt(submitted.replayed.encode(), first, replayed=True)
        if submitted.existing or submitted.refused:
            answer = _batch(len(items), places, jobs, submitted, refusals)
        return Receipt(encode(answer), first)

    def _new(self, asked: Asked, job_id: str, principal: Principal) -> NewJob:
        return NewJob(job_id, asked.spec, asked.payload, principal.id, asked.key, asked.digest)

    def _new_many(
        self, taken: list[tuple[int, Asked]], now: int, principal: Principal
    ) -> list[NewJob]:
        ids = self._ids.make(now, len(taken))
        return [
            NewJob(job_id, asked.spec, asked.payload, principal.id, asked.key, asked.digest)
            for job_id, (_, asked) in zip(ids, taken, strict=True)
        ]

    async def _commit(self, request: Request) -> Submitted:
        # Woken before the commit: a waiting poll then claims in the same transaction.
        count = 0
        lane = None
        for job in request.jobs:
            if job.spec.options.run_at is None:
                here = (job.spec.queue, job.spec.type)
                if here != lane and lane is not None:
                    self._wakeups.ready(*lane, count)
                    count = 0
                lane = here
                count += 1
        if lane is not None:
            self._wakeups.ready(*lane, count)
        return await self._committer.submit(request)


def _check_key(key: str | None) -> None:
    if key is not None and (not 0 < len(key) <= MAX_KEY or unstorable(key)):
        raise InvalidInput.field("Idempotency-Key", f"must have 1 to {MAX_KEY} characters")


def _batch(
    total: int, places: list[int], jobs: list[NewJob], submitted: Submitted, refusals: _Refusals
) -> Batch:
    if len(jobs) == total and not submitted.existing and not submitted.refused:
        items = [BatchItem(outcome="created", id=job.id) for job in jobs]
        return Batch(created=total, existing=0, refused=0, items=items)
    answers: dict[int, BatchItem] = {
        place: BatchItem(outcome="refused", error=receipts.refusal(error))
        for place, error in refusals.by_place.items()
    }
    for index, (place, job) in enumerate(zip(places, jobs, strict=True)):
        if index in submitted.existing:
            answers[place] = BatchItem(outcome="existing", id=submitted.existing[index])
        elif index in submitted.refused:
            mismatch = IdempotencyMismatch("idempotency_key was used before with another job")
            answers[place] = BatchItem(outcome="refused", error=receipts.refusal(mismatch))
        else:
            answers[place] = BatchItem(outcome="created", id=job.id)
    items = [answers[place] for place in range(total)]
    count = dict.fromkeys(("created", "existing", "refused"), 0)
    for item in items:
        count[item.outcome] += 1
    return Batch(**count, items=items)
