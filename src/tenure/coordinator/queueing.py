"""What people ask about queues, and set for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tenure.coordinator import witness
from tenure.coordinator.acting import action
from tenure.coordinator.editing import versions
from tenure.coordinator.insight import Insight
from tenure.domain.access import Principal
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import InvalidInput
from tenure.domain.lifecycle import ACTIVE, JobState
from tenure.domain.queue import Rate
from tenure.store import queues as store
from tenure.store.committer import Committer
from tenure.store.control import Action
from tenure.store.queues import QueueEdit, QueueSettings
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire import queues as wire
from tenure.wire.base import maybe_time_out, time_out, validate

_Verb = Callable[[Unit, str, Action], None]


class Queueing:
    """Queues with their settings. Every method that names one raises InvalidInput for a name that
    is none; a queue that nobody touched or uses is as any other, and empty."""

    def __init__(
        self, committer: Committer, reader: Reader, insight: Insight, clock: Clock
    ) -> None:
        self._committer = committer
        self._reader = reader
        self._insight = insight
        self._clock = clock

    async def list(self, _: Principal) -> wire.Queues:
        """Every queue with unfinished jobs, a worker online or settings, by name."""
        known = {row.name: row for row in await self._reader.run(store.all_settings)}
        counted = await self._insight.queues()
        items = [
            self._shown(known.get(name) or QueueSettings(name), counted.get(name))
            for name in sorted(known.keys() | counted)
        ]
        return wire.Queues(as_of=time_out((await self._insight.snapshot()).as_of), items=items)

    async def get(self, name: str, _: Principal) -> wire.Queue:
        """One queue."""
        _check(name)
        return await self._read(name)

    async def edit(
        self, name: str, asked: wire.QueueEdit, principal: Principal, if_match: str | None
    ) -> wire.Queue:
        """Change what is set; only the fields that were given. `if_match` is the header.

        Raises VersionConflict, PreconditionFailed, InvalidInput for an edit of nothing.
        """
        wanted = QueueEdit(_changes(asked), asked.version, _versions(if_match))
        if not wanted.rules:
            raise InvalidInput.field("", "name at least one field to change")
        return await self._act(
            lambda unit, found, act: store.edit(unit, found, wanted, act), name, principal
        )

    async def pause(self, name: str, principal: Principal, reason: str | None = None) -> wire.Queue:
        """Give no more jobs until resumed; what runs goes on. Repeatable."""
        return await self._act(store.pause, name, principal, reason)

    async def resume(
        self, name: str, principal: Principal, reason: str | None = None
    ) -> wire.Queue:
        """Give jobs again. Repeatable."""
        return await self._act(store.resume, name, principal, reason)

    async def unset(self, name: str, principal: Principal, if_match: str | None) -> None:
        """Take all settings away, a pause too. Repeatable. Raises PreconditionFailed."""
        wanted = QueueEdit(if_match=_versions(if_match))
        await self._act(
            lambda unit, found, act: store.unset(unit, found, wanted, act), name, principal
        )

    async def _act(
        self, verb: _Verb, name: str, principal: Principal, reason: str | None = None
    ) -> wire.Queue:
        _check(name)
        act = action(principal, reason)

        def do(unit: Unit) -> None:
            before = _told(store.settings_of(unit, name))
            verb(unit, name, act)
            after = _told(store.settings_of(unit, name))
            if before != after:
                witness.administered(unit, "queue.set", principal, name, before, after, reason)

        await self._committer.run(do, key=f"{store.LAST_KEY}{name}")
        return await self._read(name)

    async def _read(self, name: str) -> wire.Queue:
        row = await self._reader.run(lambda unit: store.settings_of(unit, name))
        return self._shown(row, (await self._insight.queues()).get(name))

    def _shown(self, row: QueueSettings, counted: wire.Queue | None) -> wire.Queue:
        gate, rules = row.gate, row.rules
        return msgspec.structs.replace(
            counted or wire.Queue(name=row.name, counts=_NO_JOBS, workers=0),
            paused_at=maybe_time_out(gate.paused_at),
            paused_by=gate.paused_by,
            pause_reason=gate.pause_reason,
            max_running=rules.max_running,
            in_use=None if rules.max_running is None else gate.in_use,
            rate=None if rules.rate is None else _rate(rules.rate, gate.rate_at, self._clock.now()),
            aging_seconds=None if rules.aging is None else rules.aging / SECOND,
            version=row.version,
            updated_at=maybe_time_out(row.updated_at),
        )


_NO_JOBS = {state.value: 0 for state in JobState if state in ACTIVE}


def _told(row: QueueSettings) -> dict[str, Any]:
    """What the audit says of a queue."""
    rules = row.rules
    return {
        "paused": row.gate.paused_at is not None,
        "max_running": rules.max_running,
        "rate": rules.rate and [rules.rate.count, rules.rate.interval / SECOND],
        "aging_seconds": None if rules.aging is None else rules.aging / SECOND,
    }


def _check(name: str) -> None:
    validate(wire.QueueName, {"name": name})


def _versions(if_match: str | None) -> frozenset[int] | None:
    return None if if_match is None else versions(if_match)


def _changes(asked: wire.QueueEdit) -> dict[str, Any]:
    """The given fields under the names of QueueRules, spans in microseconds."""
    given = asked.model_fields_set
    changes: dict[str, Any] = {}
    if "max_running" in given:
        changes["max_running"] = asked.max_running
    if "rate" in given:
        rate = asked.rate
        changes["rate"] = rate and Rate(rate.count, round(rate.per_seconds * SECOND))
    if "aging_seconds" in given:
        aging = asked.aging_seconds
        changes["aging"] = None if aging is None else round(aging * SECOND)
    return changes


def _rate(rate: Rate, at: int, now: int) -> wire.Rate:
    tokens = rate.tokens(at, now)
    return wire.Rate(
        count=rate.count,
        per_seconds=rate.interval / SECOND,
        tokens=tokens,
        next_start_at=None if tokens else time_out(rate.next_at(at, now)),
    )
