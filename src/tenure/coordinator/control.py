"""What people and programs ask about jobs, and do to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import msgspec

from tenure.coordinator import cursors, loglines, present, queries, witness
from tenure.coordinator.acting import action
from tenure.coordinator.concealing import Concealment
from tenure.coordinator.editing import to_edit
from tenure.coordinator.insight import Insight
from tenure.coordinator.receipts import Conceal
from tenure.domain.access import Permission, Principal
from tenure.domain.clock import Clock
from tenure.domain.errors import InvalidInput, RunNotFound
from tenure.domain.lifecycle import ACTIVE, JobState
from tenure.domain.query import Field, Query
from tenure.settings import Limits
from tenure.store import control as verbs
from tenure.store import history, listing, reads
from tenure.store.committer import Committer
from tenure.store.control import Action
from tenure.store.edits import Edit, edit
from tenure.store.history import LineRow
from tenure.store.reader import Reader
from tenure.store.reads import JobRow
from tenure.store.unit import Unit
from tenure.store.upcoming import upcoming
from tenure.store.workflow_reads import edges_of
from tenure.wire import leases
from tenure.wire.base import Page
from tenure.wire.jobs import Job, JobEdit, JobEvent, LogLine, Run, Upcoming

MAX_RUNS = 500
MAX_EVENTS = 1_000
MAX_LINES = 1_000
MAX_LINES_BYTES = 4 * 1024 * 1024
_MAX_FENCE = 2**63 - 1


class _Verb(Protocol):
    """A verb on one job."""

    __name__: str

    def __call__(self, unit: Unit, job_id: str, action: Action, /) -> None: ...


class Control:
    """Reads, lists and actions on jobs. A job is named by its id or an unambiguous beginning of
    it; every method that names one raises JobNotFound, also for one that the caller may not see.
    Use from one event loop."""

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        insight: Insight,
        clock: Clock,
        limits: Limits,
        concealment: Concealment,
    ) -> None:
        self._concealment = concealment
        self._committer = committer
        self._reader = reader
        self._insight = insight
        self._clock = clock
        self._limits = limits

    async def get(self, job_id: str, principal: Principal) -> Job:
        """One job as it is."""
        return await self._reader.run(
            lambda unit: _whole(unit, job_id, principal.only, self._concealment.shown)
        )

    async def cancel(self, job_id: str, principal: Principal, reason: str | None = None) -> Job:
        """Stop a job; a running one through its worker. Repeatable. Raises IllegalTransition."""
        return await self._act(verbs.cancel, job_id, principal, reason)

    async def pause(self, job_id: str, principal: Principal, reason: str | None = None) -> Job:
        """Hold a job that waits. Repeatable. Raises IllegalTransition."""
        return await self._act(verbs.pause, job_id, principal, reason)

    async def resume(self, job_id: str, principal: Principal, reason: str | None = None) -> Job:
        """Let a paused job go on. Repeatable. Raises IllegalTransition."""
        return await self._act(verbs.resume, job_id, principal, reason)

    async def retry(self, job_id: str, principal: Principal, reason: str | None = None) -> Job:
        """Run a finished job again. Raises IllegalTransition for an unfinished one."""
        return await self._act(verbs.retry, job_id, principal, reason)

    async def delete(self, job_id: str, principal: Principal, reason: str | None = None) -> None:
        """Hide a job; one that waits is cancelled first. Raises IllegalTransition while it runs."""
        await self._committer.run(lambda unit: _delete(unit, job_id, principal, reason), key=job_id)

    async def edit(
        self,
        job_id: str,
        principal: Principal,
        wanted: JobEdit,
        payload: msgspec.Raw | None = None,
        if_match: str | None = None,
    ) -> Job:
        """Change a job that waits; `payload` None leaves it, `if_match` is the header.

        Raises InvalidInput, PreconditionFailed, VersionConflict, IllegalTransition, Forbidden to
        change what runs without the permission to make it run.
        """
        if payload is not None or "type" in wanted.model_fields_set:
            principal.check(Permission.EXECUTE)
        changes = to_edit(wanted, payload, if_match, self._clock.now())
        changes = replace(changes, secrets=self._concealment)
        row = await self._committer.run(
            lambda unit: _edit(unit, job_id, changes, principal), key=job_id
        )
        return present.job(row, self._concealment.shown)

    async def _act(self, verb: _Verb, job_id: str, principal: Principal, reason: str | None) -> Job:
        row = await self._committer.run(
            lambda unit: _do(unit, verb, job_id, principal, reason), key=job_id
        )
        return present.job(row, self._concealment.shown)

    async def runs(self, job_id: str, principal: Principal) -> Sequence[Run]:
        """The last MAX_RUNS attempts, in order."""
        rows = await self._reader.run(
            lambda unit: reads.runs(unit, _known(unit, job_id, principal), MAX_RUNS)
        )
        return [present.run(row) for row in rows]

    async def run(self, job_id: str, fence: int, principal: Principal) -> Run:
        """One attempt. Raises RunNotFound."""
        if not 0 < fence <= _MAX_FENCE:
            raise RunNotFound(f"job {job_id[:40]} has no run with fence {fence}")
        row = await self._reader.run(
            lambda unit: reads.run(unit, _known(unit, job_id, principal), fence)
        )
        return present.run(row)

    async def events(self, job_id: str, principal: Principal) -> Sequence[JobEvent]:
        """The last MAX_EVENTS events, in order."""
        rows = await self._reader.run(
            lambda unit: history.events(unit, _known(unit, job_id, principal), MAX_EVENTS)
        )
        return [present.event(row) for row in rows]

    async def logs(
        self,
        job_id: str,
        principal: Principal,
        *,
        fence: int | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Page[LogLine]:
        """Lines in order of run and index, of one run with `fence`. Raises InvalidInput."""
        if fence is not None and not 0 < fence <= _MAX_FENCE:
            raise InvalidInput.field("fence", "must be a positive integer of 64 bits")
        start = (0, -1) if after is None else cursors.to_line(after)
        most = queries.bounded("limit", limit, MAX_LINES, MAX_LINES)
        rows = await self._reader.run(
            lambda unit: history.lines(unit, _known(unit, job_id, principal), fence, start, most)
        )
        kept = _within_bytes(rows)
        more = len(kept) < len(rows) or len(rows) == most
        following = cursors.of_line(kept[-1].fence, kept[-1].index) if more else None
        return Page(items=[present.line(row) for row in kept], next=following)

    async def append_logs(self, job_id: str, told: leases.Logs) -> leases.Logged:
        """Store lines of a running lease. Raises LeaseLost, InvalidInput."""
        bounds = loglines.bounds(self._limits)
        lines = loglines.checked_lines(job_id, told, self._clock.now(), bounds.lines)
        stored = await self._committer.run(
            lambda unit: history.append_lines(unit, lines, bounds), key=job_id
        )
        return leases.Logged(stored=stored)

    async def pending(
        self,
        principal: Principal,
        *,
        queue: str | None = None,
        type_: str | None = None,
        limit: int = queries.DEFAULT_PAGE,
    ) -> Sequence[Upcoming]:
        """What would be claimed of what the caller sees, in order; nothing is leased. Raises
        InvalidInput."""
        most = queries.page_size("limit", limit)
        lane = (queries.word("queue", queue), queries.word("type", type_))
        rows = await self._reader.run(lambda unit: upcoming(unit, *lane, most, principal.only))
        return [present.upcoming(row) for row in rows]

    async def list(
        self,
        principal: Principal,
        *,
        status: Sequence[str] | None = None,
        queue: str | None = None,
        type_: str | None = None,
        tag: str | None = None,
        q: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
    ) -> Page[Job]:
        """Jobs, newest first: after a cursor, or page number `page` from 1.

        `status` takes states and earlier systems' words, also several in one, comma-separated;
        `q` is a filter (`domain.grammar`). Raises InvalidInput.
        """
        wanted = queries.query(status or (), queue, type_, tag).both(
            queries.parsed("q", q, self._clock.now())
        )
        size, skip = queries.stretch(limit, page, page_size, after)
        below = None if after is None else cursors.to_job(after)
        rows, following = await self._reader.run(
            lambda unit: _page(unit, wanted, below, size, skip, principal.only)
        )
        seen = skip + len(rows)
        whole = following is None and below is None and bool(rows or not skip)
        return Page(
            items=[present.job(row, self._concealment.shown) for row in rows],
            next=None if following is None else cursors.of_job(following),
            approx_total=seen if whole else await self._about(wanted, seen, principal),
        )

    async def _about(self, wanted: Query, seen: int, principal: Principal) -> int | None:
        """How many jobs a list has in all, at least `seen`, where it is known without counting."""
        lane = (wanted.word(Field.QUEUE), wanted.word(Field.TYPE))
        asked = len(wanted.rest) == sum(word is not None for word in lane)
        if (
            principal.only is not None
            or not asked
            or not (wanted.states <= ACTIVE or wanted == Query())
        ):
            return None
        states = wanted.states if wanted.states <= ACTIVE else frozenset[JobState]()
        return max(await self._insight.about(states, *lane), seen)


def _whole(unit: Unit, job_id: str, only: str | None, conceal: Conceal) -> Job:
    row = reads.job(unit, reads.resolve(unit, job_id, only), only)
    edges = edges_of(unit, [row.id]).get(row.id, [])
    return present.linked(present.job(row, conceal), edges)


def _do(unit: Unit, verb: _Verb, job_id: str, principal: Principal, reason: str | None) -> JobRow:
    before = _row(unit, job_id, principal)
    verb(unit, before.id, action(principal, reason))
    after = reads.job(unit, before.id, principal.only)
    witness.job_act(unit, verb.__name__, principal, reason, before, after)
    return after


def _edit(unit: Unit, job_id: str, changes: Edit, principal: Principal) -> JobRow:
    before = _row(unit, job_id, principal)
    edit(unit, before.id, changes, action(principal))
    after = reads.job(unit, before.id, principal.only)
    witness.job_act(unit, "edit", principal, None, before, after)
    return after


def _delete(unit: Unit, job_id: str, principal: Principal, reason: str | None) -> None:
    before = _row(unit, job_id, principal)
    verbs.delete(unit, before.id, action(principal, reason))
    witness.job_act(unit, "delete", principal, reason, before, None)


def _row(unit: Unit, job_id: str, principal: Principal) -> JobRow:
    return reads.job(unit, reads.resolve(unit, job_id, principal.only), principal.only)


def _known(unit: Unit, job_id: str, principal: Principal) -> str:
    """The id of a job that is there and that the caller sees."""
    return reads.known(unit, reads.resolve(unit, job_id, principal.only), principal.only)


def _page(
    unit: Unit, wanted: Query, below: str | None, size: int, skip: int, only: str | None
) -> tuple[list[JobRow], str | None]:
    listed = listing.job_ids(unit, wanted, below, size, skip, only)
    return reads.jobs(unit, listed.ids, only), listed.next


def _within_bytes(rows: list[LineRow]) -> list[LineRow]:
    total = 0
    for place, row in enumerate(rows):
        total += len(row.text)
        if total > MAX_LINES_BYTES and place:
            return rows[:place]
    return rows
