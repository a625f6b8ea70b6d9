"""Schedules as both clients offer them: `client.schedules`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Unpack

from tenure.client import schedule_routes as routes
from tenure.client.call import Run, RunAwaited
from tenure.client.paging import items, items_awaited
from tenure.client.schedule_routes import ScheduleFields
from tenure.client.submission import JobSpec
from tenure.wire.jobs import Job
from tenure.wire.schedules import Backfilled, Fire, NextTime, Schedule


class Schedules:
    """The schedules of a coordinator. A schedule is named by its id or the start of it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def create(
        self,
        job: JobSpec | None = None,
        *,
        workflow: Mapping[str, Any] | None = None,
        paused: bool = False,
        **fields: Unpack[ScheduleFields],
    ) -> Schedule:
        """Create a schedule that submits `job`, or a whole `workflow` as the JSON of
        `POST /api/workflows`, at each of its times. See `ScheduleFields`.

        Raises InvalidInput naming the field, also for times that never come.
        """
        return self._run(routes.create(job, workflow, fields, paused=paused))

    def get(self, schedule_id: str) -> Schedule:
        """A schedule by its id, by an unambiguous start of it (8 characters or more), or by its
        name if no other has it. So does every method that takes an id.

        Raises ScheduleNotFound.
        """
        return self._run(routes.get(schedule_id))

    def list(
        self, *, status: str | None = None, name: str | None = None, limit: int | None = None
    ) -> Iterator[Schedule]:
        """Schedules, newest first, page by page; of one `status`: active, paused or ended; called
        `name`."""
        asked = partial(routes.page, status, name)
        return items(self._run, asked, limit)

    def update(
        self,
        schedule_id: str,
        version: int | None = None,
        *,
        job: JobSpec | None = None,
        workflow: Mapping[str, Any] | None = None,
        **fields: Unpack[ScheduleFields],
    ) -> Schedule:
        """Change the given fields; other times count from now. None sets a field back.

        With `version` only if it is the current one: raises VersionConflict. Raises InvalidInput.
        """
        return self._run(routes.update(schedule_id, version, job, workflow, fields))

    def delete(self, schedule_id: str) -> None:
        """Fire no more; the jobs stay."""
        self._run(routes.delete(schedule_id))

    def pause(self, schedule_id: str, reason: str | None = None) -> Schedule:
        """Stop firing until resumed."""
        return self._run(routes.act(schedule_id, "pause", reason))

    def resume(self, schedule_id: str, reason: str | None = None) -> Schedule:
        """Fire again from now on; what passed meanwhile is not made up."""
        return self._run(routes.act(schedule_id, "resume", reason))

    def trigger(self, schedule_id: str, reason: str | None = None) -> Job:
        """Submit the schedule's job once now, also while it is paused."""
        return self._run(routes.trigger(schedule_id, reason))

    def backfill(
        self,
        schedule_id: str,
        start: datetime,
        end: datetime,
        *,
        preview: bool = False,
        reason: str | None = None,
    ) -> Backfilled:
        """Fire the times from `start` to before `end` that have not fired, at most 1,000.

        With `preview` only say which they are. Raises InvalidInput.
        """
        return self._run(routes.backfill(schedule_id, start, end, reason, preview=preview))

    def fires(self, schedule_id: str, *, limit: int | None = None) -> Iterator[Fire]:
        """What became of the schedule's times, newest first; at most `limit` rows."""
        asked = partial(routes.fires, schedule_id)
        return items(self._run, asked, limit)

    def jobs(self, schedule_id: str, *, limit: int | None = None) -> Iterator[Job]:
        """The schedule's jobs, newest first; at most `limit`."""
        asked = partial(routes.jobs, schedule_id)
        return items(self._run, asked, limit)

    def next(self, schedule_id: str, count: int | None = None) -> Sequence[NextTime]:
        """The next nominal times (5), with what a clock change does to them."""
        return self._run(routes.next_times(schedule_id, count))

    def preview(
        self,
        cron: str | None = None,
        *,
        every: timedelta | float | None = None,
        timezone: str = "UTC",
        after: datetime | None = None,
        count: int | None = None,
    ) -> Sequence[NextTime]:
        """The next times of any expression. Raises InvalidInput as `create` does."""
        return self._run(routes.preview(cron, every, timezone, after, count))


class AsyncSchedules:
    """`Schedules` for one event loop: the same methods, arguments and errors, awaited."""

    def __init__(self, run: RunAwaited) -> None:
        self._run = run

    async def create(
        self,
        job: JobSpec | None = None,
        *,
        workflow: Mapping[str, Any] | None = None,
        paused: bool = False,
        **fields: Unpack[ScheduleFields],
    ) -> Schedule:
        """See `Schedules.create`."""
        return await self._run(routes.create(job, workflow, fields, paused=paused))

    async def get(self, schedule_id: str) -> Schedule:
        """See `Schedules.get`."""
        return await self._run(routes.get(schedule_id))

    def list(
        self, *, status: str | None = None, name: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Schedule]:
        """See `Schedules.list`."""
        asked = partial(routes.page, status, name)
        return items_awaited(self._run, asked, limit)

    async def update(
        self,
        schedule_id: str,
        version: int | None = None,
        *,
        job: JobSpec | None = None,
        workflow: Mapping[str, Any] | None = None,
        **fields: Unpack[ScheduleFields],
    ) -> Schedule:
        """See `Schedules.update`."""
        return await self._run(routes.update(schedule_id, version, job, workflow, fields))

    async def delete(self, schedule_id: str) -> None:
        """See `Schedules.delete`."""
        await self._run(routes.delete(schedule_id))

    async def pause(self, schedule_id: str, reason: str | None = None) -> Schedule:
        """See `Schedules.pause`."""
        return await self._run(routes.act(schedule_id, "pause", reason))

    async def resume(self, schedule_id: str, reason: str | None = None) -> Schedule:
        """See `Schedules.resume`."""
        return await self._run(routes.act(schedule_id, "resume", reason))

    async def trigger(self, schedule_id: str, reason: str | None = None) -> Job:
        """See `Schedules.trigger`."""
        return await self._run(routes.trigger(schedule_id, reason))

    async def backfill(
        self,
        schedule_id: str,
        start: datetime,
        end: datetime,
        *,
        preview: bool = False,
        reason: str | None = None,
    ) -> Backfilled:
        """See `Schedules.backfill`."""
        return await self._run(routes.backfill(schedule_id, start, end, reason, preview=preview))

    def fires(self, schedule_id: str, *, limit: int | None = None) -> AsyncIterator[Fire]:
        """See `Schedules.fires`."""
        asked = partial(routes.fires, schedule_id)
        return items_awaited(self._run, asked, limit)

    def jobs(self, schedule_id: str, *, limit: int | None = None) -> AsyncIterator[Job]:
        """See `Schedules.jobs`."""
        asked = partial(routes.jobs, schedule_id)
        return items_awaited(self._run, asked, limit)

    async def next(self, schedule_id: str, count: int | None = None) -> Sequence[NextTime]:
        """See `Schedules.next`."""
        return await self._run(routes.next_times(schedule_id, count))

    async def preview(
        self,
        cron: str | None = None,
        *,
        every: timedelta | float | None = None,
        timezone: str = "UTC",
        after: datetime | None = None,
        count: int | None = None,
    ) -> Sequence[NextTime]:
        """See `Schedules.preview`."""
        return await self._run(routes.preview(cron, every, timezone, after, count))
