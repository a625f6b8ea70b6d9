"""What people and programs ask about schedules, and do to them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from tenure.coordinator import cursors, present, queries, witness
from tenure.coordinator import schedule_present as shown
from tenure.coordinator.acting import action
from tenure.coordinator.concealing import Concealment
from tenure.coordinator.metering import Meter
from tenure.coordinator.schedule_intake import edited_schedule, new_schedule
from tenure.domain.access import Permission, Principal
from tenure.domain.clock import SECOND, Clock, micros
from tenure.domain.errors import InvalidInput
from tenure.domain.ids import IdSource
from tenure.domain.job import MAX_KEY
from tenure.domain.schedule import check, times, times_within
from tenure.domain.scheduling import LATEST_INSTANT, ScheduleRules
from tenure.domain.template import Template, size
from tenure.settings import Settings
from tenure.store import reads, schedule_reads, workflow_reads
from tenure.store import schedules as verbs
from tenure.store.committer import Committer
from tenure.store.control import Action
from tenure.store.fires import Firing
from tenure.store.keys import held_keys, take_key
from tenure.store.quotas import check_room, check_schedules
from tenure.store.reader import Reader
from tenure.store.reads import JobRow
from tenure.store.schedule_reads import ScheduleRow
from tenure.store.schedule_rows import decode_rules, decode_template
from tenure.store.unit import Unit
from tenure.wire import schedules as wire
from tenure.wire.base import Page, validate
from tenure.wire.jobs import Job
from tenure.wire.text import unstorable

MAX_NEXT = 100
_Verb = Callable[[Unit, str, Action], None]


class Scheduling:
    """Reads, lists and actions on schedules. A schedule is named by its id, an unambiguous
    beginning of it, or its name if no other has it; every method that names one raises
    ScheduleNotFound, also for one that the caller may not see. Use from one event loop."""

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        id_source: IdSource,
        clock: Clock,
        settings: Settings,
        concealment: Concealment,
        meter: Meter,
    ) -> None:
        self._concealment = concealment
        self._committer = committer
        self._reader = reader
        self._ids = id_source
        self._clock = clock
        self._limits = settings.limits
        self._meter = meter
        self._kept = micros(settings.retention.events)

    async def create(
        self, body: bytes, principal: Principal, key: str | None = None
    ) -> wire.Schedule:
        """Create a schedule from its JSON. `key` is the Idempotency-Key header.

        Raises InvalidInput, MalformedBody, TooLarge, IdempotencyMismatch.
        """
        schedule_id = self._ids.one(self._clock.now())
        masks = self._concealment.checks
        new = await new_schedule(body, self._limits, schedule_id, principal.owner_id, masks)
        guard = _Guard("POST /api/schedules", key, body, principal)
        act, most = action(principal), self._meter.most_schedules(principal)
        row = await self._committer.run(lambda unit: _create(unit, new, guard, act, most))
        return shown.schedule(row, self._concealment.shown)

    async def get(self, schedule_id: str, principal: Principal) -> wire.Schedule:
        """One schedule as it is."""
        row = await self._row(schedule_id, principal)
        return shown.schedule(row, self._concealment.shown)

    async def _row(self, schedule_id: str, principal: Principal) -> ScheduleRow:
        return await self._reader.run(lambda unit: _read(unit, schedule_id, principal.only))

    async def list(
        self,
        principal: Principal,
        *,
        status: str | None = None,
        name: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[wire.Schedule]:
        """Schedules, newest first; only those called `name`. Raises InvalidInput."""
        name = queries.word("name", name)
        if status is not None and status not in schedule_reads.STATUSES:
            known = ", ".join(schedule_reads.STATUSES)
            raise InvalidInput.field("status", f"must be one of {known}")
        size = queries.page_size("limit", limit)
        below = schedule_reads.LAST_ID if after is None else cursors.to_schedule(after)
        rows, edge = await self._reader.run(
            lambda unit: schedule_reads.schedules(unit, status, name, below, size, principal.only)
        )
        following = None if edge is None else cursors.of_schedule(edge)
        return Page(
            items=[shown.schedule(row, self._concealment.shown) for row in rows], next=following
        )

    async def edit(
        self, schedule_id: str, body: bytes, principal: Principal, if_match: str | None
    ) -> wire.Schedule:
        """Change a schedule; only the fields in `body` change. `if_match` is the header.

        Raises InvalidInput, TooLarge, VersionConflict, PreconditionFailed, Forbidden to change what
        runs without the permission to make it run.
        """
        wanted = await edited_schedule(body, self._limits, if_match)
        if wanted.template is not None:
            principal.check(Permission.EXECUTE)
        wanted = replace(wanted, secrets=self._concealment)
        return await self._act(
            "edit",
            lambda unit, found, act: verbs.edit(unit, found, wanted, act),
            schedule_id,
            principal,
        )

    async def pause(
        self, schedule_id: str, principal: Principal, reason: str | None = None
    ) -> wire.Schedule:
        """Stop firing until resumed. Repeatable."""
        return await self._act("pause", verbs.pause, schedule_id, principal, reason)

    async def resume(
        self, schedule_id: str, principal: Principal, reason: str | None = None
    ) -> wire.Schedule:
        """Fire again from now on. Repeatable."""
        return await self._act("resume", verbs.resume, schedule_id, principal, reason)

    async def _act(
        self,
        event: str,
        verb: _Verb,
        schedule_id: str,
        principal: Principal,
        reason: str | None = None,
    ) -> wire.Schedule:
        def do(unit: Unit) -> ScheduleRow:
            before = _read(unit, schedule_id, principal.only)
            verb(unit, before.id, action(principal, reason))
            after = schedule_reads.schedule(unit, before.id, principal.only)
            witness.schedule_act(unit, event, principal, reason, before, after)
            return after

        row = await self._committer.run(do, key=schedule_id)
        return shown.schedule(row, self._concealment.shown)

    async def delete(self, schedule_id: str, principal: Principal) -> None:
        """Fire no more and hide the schedule. Its jobs stay."""

        def do(unit: Unit) -> None:
            before = _read(unit, schedule_id, principal.only)
            verbs.delete(unit, before.id, action(principal))
            witness.schedule_act(unit, "delete", principal, None, before, None)

        await self._committer.run(do, key=schedule_id)

    async def trigger(
        self,
        schedule_id: str,
        principal: Principal,
        reason: str | None = None,
        key: str | None = None,
    ) -> Job:
        """Submit the schedule's job or workflow once now; the job, of a workflow its first.

        `key` is the Idempotency-Key header.
        """
        guard = _Guard(f"POST trigger {schedule_id}", key, b"", principal)
        act, most = action(principal, reason), self._meter.most_unfinished(principal)
        self._meter.submitting(principal, 1)
        job_id = await self._committer.run(
            lambda unit: _trigger(unit, schedule_id, guard, act, principal, most), key=schedule_id
        )
        row = await self._reader.run(lambda unit: reads.job(unit, job_id, principal.only))
        return present.job(row, self._concealment.shown)

    async def backfill(
        self, schedule_id: str, wanted: wire.BackfillIn, principal: Principal
    ) -> wire.Backfilled:
        """Fire the times of a range that have not fired, or only say which they are.

        Raises InvalidInput: the range is empty, ahead, older than the ledger, or has too many.
        """
        row = await self._row(schedule_id, principal)
        found, rules = row.id, decode_rules(row.rules)
        self._check_range(wanted)
        nominal = times_within(rules, wanted.from_, wanted.to, wire.MAX_BACKFILL + 1)
        if len(nominal) > wire.MAX_BACKFILL:
            raise InvalidInput.field("to", f"more than {wire.MAX_BACKFILL} times lie in the range")
        if wanted.preview:
            past = await self._reader.run(lambda u: schedule_reads.fired(u, found, nominal))
            left = [at for at in nominal if at not in past]
            return shown.backfilled(rules, left, {}, len(past), preview=True)
        act, most = action(principal, wanted.reason), self._meter.most_unfinished(principal)
        jobs = len(nominal) * size(_template(row))
        self._meter.submitting(principal, jobs)

        def fire(unit: Unit) -> list[Firing]:
            check_room(unit, act.only, most, jobs)
            made = verbs.backfill(unit, found, nominal, act)
            if made:
                told = {"from": wanted.from_, "to": wanted.to, "count": len(made)}
                witness.schedule_act(unit, "backfill", principal, act.reason, row, row, told)
            return made

        made = await self._committer.run(fire, key=found)
        fired = {one.nominal_at: one for one in made if one.nominal_at is not None}
        return shown.backfilled(
            rules, sorted(fired), fired, len(nominal) - len(fired), preview=False
        )

    def _check_range(self, wanted: wire.BackfillIn) -> None:
        now = self._clock.now()
        if wanted.from_ >= wanted.to:
            raise InvalidInput.field("to", "must be later than from")
        if wanted.to > now:
            raise InvalidInput.field("to", "must not lie ahead: those times fire by themselves")
        if wanted.from_ < now - self._kept:
            days = self._kept // (86_400 * SECOND)
            raise InvalidInput.field("from", f"what fired is known for {days} days only")

    async def fires(
        self,
        schedule_id: str,
        principal: Principal,
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[wire.Fire]:
        """What became of the schedule's times, newest first. Raises InvalidInput."""
        size = queries.page_size("limit", limit)
        below = schedule_reads.LAST_FIRE if after is None else cursors.to_fire(after)
        rows = await self._reader.run(
            lambda unit: schedule_reads.fires(
                unit, _read(unit, schedule_id, principal.only).id, below, size
            )
        )
        more = len(rows) == size
        following = cursors.of_fire(rows[-1].nominal_at, rows[-1].stretch) if more else None
        return Page(items=[shown.fire(row) for row in rows], next=following)

    async def jobs(
        self,
        schedule_id: str,
        principal: Principal,
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[Job]:
        """The schedule's jobs, newest first. Raises InvalidInput."""
        size = queries.page_size("limit", limit)
        below = schedule_reads.LAST_ID if after is None else cursors.to_job(after)

        def read(unit: Unit) -> tuple[list[str], list[JobRow]]:
            found = _read(unit, schedule_id, principal.only).id
            ids = schedule_reads.job_ids(unit, found, below, size)
            return ids, reads.jobs(unit, ids, principal.only)

        ids, rows = await self._reader.run(read)
        following = cursors.of_job(ids[-1]) if len(ids) == size else None
        return Page(
            items=[present.job(row, self._concealment.shown) for row in rows], next=following
        )

    async def next(
        self, schedule_id: str, principal: Principal, count: int | None = None
    ) -> wire.NextTimes:
        """The next nominal times of a schedule, paused or not. Raises InvalidInput."""
        most = queries.bounded("count", count, 5, MAX_NEXT)
        rules = decode_rules((await self._row(schedule_id, principal)).rules)
        return shown.next_times(rules, islice(times(rules, self._clock.now()), most))

    def preview(
        self,
        *,
        cron: str | None,
        every_seconds: float | None,
        timezone: str,
        after: str | None,
        count: int | None,
    ) -> wire.NextTimes:
        """The next times of any expression after an instant (RFC 3339). Raises InvalidInput:
        the same refusals as when a schedule is created."""
        most = queries.bounded("count", count, 5, MAX_NEXT)
        asked = validate(
            wire.PreviewIn,
            {"cron": cron, "every_seconds": every_seconds, "timezone": timezone, "after": after},
        )
        start = self._clock.now() if asked.after is None else asked.after
        if not 0 <= start <= LATEST_INSTANT:
            raise InvalidInput.field("after", "must lie between 1970 and 3000")
        every = None if asked.every_seconds is None else round(asked.every_seconds * SECOND)
        rules = ScheduleRules(cron, every, timezone, anchor=start)
        check(rules, start)
        return shown.next_times(rules, islice(times(rules, start), most))


class _Guard:
    """An Idempotency-Key and the request it stands for."""

    def __init__(self, route: str, key: str | None, body: bytes, principal: Principal) -> None:
        if key is not None and (not 0 < len(key) <= MAX_KEY or unstorable(key)):
            raise InvalidInput.field("Idempotency-Key", f"must have 1 to {MAX_KEY} characters")
        self._key = key
        self._owner = principal.id or ""
        self._digest = hashlib.sha256(route.encode() + b"\x00" + body).hexdigest()

    def known(self, unit: Unit) -> bool:
        """Whether the key was used before."""
        return self._key is not None and bool(
            unit.rows(held_keys(unit.dialect), [(self._owner, self._key)])
        )

    def take(self, unit: Unit, id_: str) -> str:
        """`id_`, or what the same request made before. Raises IdempotencyMismatch."""
        if self._key is None:
            return id_
        return take_key(unit, self._owner, self._key, self._digest, id_)


def _template(row: ScheduleRow) -> Template:
    return decode_template(row.job, row.payload, row.workflow)


def _read(unit: Unit, schedule_id: str, only: str | None) -> ScheduleRow:
    return schedule_reads.schedule(unit, verbs.resolve(unit, schedule_id, only), only)


def _create(
    unit: Unit, new: verbs.NewSchedule, guard: _Guard, act: Action, most: int | None
) -> ScheduleRow:
    # Before the key is taken.
    check(new.rules, unit.now)
    verbs.check_scripts(new.template, act)
    if not guard.known(unit):
        check_schedules(unit, act.only, most)
    found = guard.take(unit, new.id)
    if found == new.id:
        verbs.create(unit, new, act)
    return schedule_reads.schedule(unit, found, act.only)


def _trigger(
    unit: Unit, schedule_id: str, guard: _Guard, act: Action, principal: Principal, most: int | None
) -> str:
    """The id of the first job: of a repeated request the one it made before."""
    row = _read(unit, schedule_id, act.only)
    verbs.check_scripts(_template(row), act)
    if not guard.known(unit):
        check_room(unit, act.only, most, size(_template(row)))
    id_ = unit.ids.one(unit.now)
    taken = guard.take(unit, id_)
    if taken == id_:
        first = verbs.trigger(unit, row.id, id_, act)
        witness.schedule_act(unit, "trigger", principal, act.reason, row, row)
        return first
    nodes = [] if row.workflow is None else workflow_reads.nodes(unit, taken)
    return nodes[0].job_id if nodes else taken
