"""Carries out operations: one action on every job of a filter, a few jobs a transaction."""

from __future__ import annotations

from functools import partial

from tenure.background.duty import Ticked
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import InternalError, InvalidInput
from tenure.domain.grammar import parse
from tenure.domain.lifecycle import TERMINAL
from tenure.domain.operation import APPLICABLE, BulkAction, Phase
from tenure.domain.query import InStates, Query
from tenure.store import listing
from tenure.store import operations as verbs
from tenure.store.committer import Committer
from tenure.store.operations import OperationRow
from tenure.store.reader import Reader

_BATCH = 25
_WATCH = SECOND


class Operator:
    """Takes every running operation one step further each tick, then rests as long as that took.

    What is done stands in the store, so any coordinator goes on where another one was, or was
    killed. Whoever begins an operation wakes its loop.
    """

    name = "operator"
    interval = 2.0

    def __init__(self, committer: Committer, reader: Reader, clock: Clock) -> None:
        self._committer = committer
        self._reader = reader
        self._clock = clock

    async def tick(self, now: int) -> Ticked:
        """One step of every running operation: up to 25 jobs, or a look at its canary."""
        began = self._clock.monotonic()
        found = await self._reader.run(verbs.going)
        done, more = 0, False
        for row in found:
            try:
                if row.phase == Phase.WATCHING:
                    more |= await self._watch(row)
                else:
                    done += await self._advance(row)
                    more = True
            except (InternalError, InvalidInput) as error:
                # It would fail the same way for ever, and hold up the others.
                note = f"a step failed: {error.detail}"
                await self._committer.run(partial(verbs.stop, seen=row, note=note), key=row.id)
        if more:
            rest = self._clock.monotonic() - began
            return Ticked(done, more=True, next_at=self._clock.now() + rest)
        return Ticked(next_at=now + _WATCH if found else None)

    async def _watch(self, row: OperationRow) -> bool:
        """Whether the canary has ended."""
        job_id = row.canary_job_id or ""
        states = await self._reader.run(lambda unit: verbs.states_of(unit, [job_id]))
        if job_id in states and states[job_id] not in TERMINAL:
            return False
        return await self._committer.run(lambda unit: verbs.judge(unit, row), key=row.id)

    async def _advance(self, row: OperationRow) -> int:
        query = wanted(row)
        limit = 1 if row.phase == Phase.FIRST else _BATCH
        page = await self._reader.run(
            lambda unit: listing.matching(unit, query, row.cursor, limit, row.only_owner_id)
        )
        done = await self._committer.run(
            lambda unit: verbs.advance(unit, row, page, query.states), key=row.id
        )
        return done or 0


def wanted(row: OperationRow) -> Query:
    """The jobs an operation still acts on: its filter as it was meant when it began."""
    states = APPLICABLE[BulkAction(row.action)]
    return parse(row.filter, row.created_at, "filter").both(Query((InStates(states),)))
