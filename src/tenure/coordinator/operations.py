"""Bulk operations: counted, begun, shown, aborted. A duty carries them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from tenure.coordinator import cursors, queries, witness
from tenure.coordinator.acting import action
from tenure.domain.access import Permission, Principal
from tenure.domain.clock import Clock
from tenure.domain.errors import InvalidInput, OperationNotFound
from tenure.domain.ids import IdSource, is_id
from tenure.domain.operation import APPLICABLE, BulkAction, OperationState, Phase
from tenure.domain.query import LAST_ID, Query
from tenure.store import listing
from tenure.store import operations as verbs
from tenure.store.committer import Committer
from tenure.store.operations import OperationRow
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire.base import Page, maybe_time_out, time_out
from tenure.wire.operations import Operation, OperationIn, Preview

COUNT_PAGES = 10
"""A preview reads at most so many pages of `listing.MAX_EXAMINED` rows."""
_SAMPLE = 10


class Operations:
    """One action on every job that a filter shows. Another's operation is not found by a caller who
    sees only what is theirs. Use from one event loop."""

    def __init__(self, committer: Committer, reader: Reader, ids: IdSource, clock: Clock) -> None:
        self._committer = committer
        self._reader = reader
        self._ids = ids
        self._clock = clock
        self._begun: list[Callable[[], None]] = []

    def on_begun(self, tell: Callable[[], None]) -> None:
        """Call `tell` when an operation has begun, in the loop."""
        self._begun.append(tell)

    async def preview(self, asked: OperationIn, principal: Principal) -> Preview:
        """What it would meet now of what the caller sees; counts at most 100,000 rows. Raises
        InvalidInput."""
        query = self._query(asked)
        found: Counter[str] = Counter()
        sample: list[str] = []
        after: str | None = None
        for _ in range(COUNT_PAGES):
            count = partial(_count, query=query, after=after, only=principal.only)
            part, after, some = await self._reader.run(count)
            found += part
            sample += some[: _SAMPLE - len(sample)]
            if after is None:
                break
        states = APPLICABLE[asked.action]
        return Preview(
            matched=found.total(),
            applicable=sum(number for state, number in found.items() if state in states),
            complete=after is None,
            by_status=dict(sorted(found.items())),
            sample=sample,
        )

    async def begin(self, asked: OperationIn, principal: Principal) -> Operation:
        """Store an operation on all jobs submitted until now that the caller sees.

        It keeps the rights that the caller has now. Raises InvalidInput, Forbidden.
        """
        if asked.action is BulkAction.RETRY:
            principal.check(Permission.EXECUTE)
        counted = await self.preview(asked, principal)
        act = action(principal, asked.reason)
        now = self._clock.now()
        new = self._ids.one(now)
        row = OperationRow(
            id=new, action=asked.action.value, filter=asked.filter, queue=asked.queue,
            priority=asked.priority, state=OperationState.RUNNING.value,
            phase=(Phase.FIRST if asked.canary else Phase.ALL).value, canary_job_id=None,
            actor=act.actor, reason=act.reason, owner_id=principal.owner_id,
            only_owner_id=act.only, scripts=int(act.scripts),
            expected=counted.applicable, counted_all=int(counted.complete), cursor=new, done=0,
            refused=0, last_error=None, note=None, created_at=now, finished_at=None,
        )  # fmt: skip

        def do(unit: Unit) -> None:
            verbs.begin(unit, row)
            names = ("action", "filter", "queue", "priority", "expected")
            told = {name: getattr(row, name) for name in names} | {"canary": asked.canary}
            witness.administered(unit, "operation.begin", principal, new, None, told, asked.reason)

        await self._committer.run(do, key=new)
        for tell in self._begun:
            tell()
        return _shown(row)

    async def get(self, operation_id: str, principal: Principal) -> Operation:
        """One operation. Raises OperationNotFound."""
        found = _checked(operation_id)
        return _shown(await self._reader.run(lambda unit: verbs.get(unit, found, principal.only)))

    async def list(
        self, principal: Principal, *, limit: int | None = None, after: str | None = None
    ) -> Page[Operation]:
        """Operations, newest first. Raises InvalidInput."""
        most = queries.page_size("limit", limit)
        below = LAST_ID if after is None else cursors.to_operation(after)
        rows = await self._reader.run(
            lambda unit: verbs.newest(unit, below, most + 1, principal.only)
        )
        following = cursors.of_operation(rows[most - 1].id) if len(rows) > most else None
        return Page(items=[_shown(row) for row in rows[:most]], next=following)

    async def abort(
        self, operation_id: str, principal: Principal, reason: str | None = None
    ) -> Operation:
        """Do no more of it. Repeatable. Raises OperationNotFound, IllegalTransition."""
        found, act = _checked(operation_id), action(principal, reason)

        def do(unit: Unit) -> OperationRow:
            before = verbs.get(unit, found, act.only)
            verbs.abort(unit, found, act)
            row = verbs.get(unit, found, act.only)
            if row.state != before.state:
                told = {"done": row.done, "refused": row.refused}
                witness.administered(unit, "operation.abort", principal, found, None, told, reason)
            return row

        return _shown(await self._committer.run(do, key=found))

    def _query(self, asked: OperationIn) -> Query:
        query = queries.parsed("filter", asked.filter, self._clock.now())
        if not query.clauses:
            raise InvalidInput.field("filter", "name at least one clause, like status:failed")
        return query


def _count(
    unit: Unit, query: Query, after: str | None, only: str | None
) -> tuple[Counter[str], str | None, list[str]]:
    page = listing.matching(unit, query, after, listing.MAX_EXAMINED, only)
    states = verbs.states_of(unit, page.ids)
    return Counter(str(state) for state in states.values()), page.next, page.ids[:_SAMPLE]


def _checked(text: str) -> str:
    if not is_id(text):
        raise OperationNotFound(f"there is no operation {text[:40]}")
    return text


def _shown(row: OperationRow) -> Operation:
    return Operation(
        id=row.id,
        action=row.action,
        filter=row.filter,
        queue=row.queue,
        priority=row.priority,
        status=row.state,
        phase=row.phase,
        canary_job_id=row.canary_job_id,
        actor=row.actor,
        reason=row.reason,
        expected=row.expected,
        expected_exact=bool(row.counted_all),
        done=row.done,
        refused=row.refused,
        last_error=row.last_error,
        note=row.note,
        created_at=time_out(row.created_at),
        finished_at=maybe_time_out(row.finished_at),
    )
