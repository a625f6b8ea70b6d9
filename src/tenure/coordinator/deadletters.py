"""Dead letters as people see them: a few causes, not thousands of jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from tenure.coordinator import present, queries
from tenure.domain.access import Principal
from tenure.domain.clock import Clock
from tenure.domain.errors import NotFound
from tenure.domain.lifecycle import JobState
from tenure.domain.query import Field, InStates, Query, exact
from tenure.store import deadletters, listing, reads
from tenure.store.deadletters import FailureRow
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire.base import time_out
from tenure.wire.deadletters import DeadLetterGroups, DeadLetters

MOST_PAGES = 10
"""So many pages of `listing.MAX_EXAMINED` rows are looked at, newest first."""
_FAILED = Query((InStates(frozenset({JobState.FAILED})),))


@dataclass(slots=True)
class _Group:
    """What is known of a fingerprint so far."""

    newest: str
    first: int
    last: int
    count: int = 0
    types: Counter[str] = field(default_factory=Counter)
    queues: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, row: FailureRow) -> None:
        self.first, self.last = min(self.first, row.finished_at), max(self.last, row.finished_at)
        self.count += 1
        self.types[row.type] += 1
        self.queues[row.queue] += 1
        self.reasons[row.reason or ""] += 1


class DeadLetterOffice:
    """Groups failed jobs by fingerprint. Use from one event loop."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock

    async def list(
        self, principal: Principal, *, q: str | None = None, limit: int | None = None
    ) -> DeadLetterGroups:
        """The largest groups, `limit` of them, of the failed jobs that the filter shows the caller.

        Looks at the newest 100,000. Raises InvalidInput.
        """
        query = _FAILED.both(queries.parsed("q", q, self._clock.now()))
        return await self._groups(query, queries.page_size("limit", limit), principal.only)

    async def get(self, fingerprint: str, principal: Principal) -> DeadLetters:
        """One group, of what the caller sees. Raises NotFound."""
        wanted = Query((exact(Field.FINGERPRINT, fingerprint),))
        word = queries.word("fingerprint", fingerprint)
        query = _FAILED.both(wanted)
        found = await self._groups(query, 1, principal.only) if word else None
        if found is None or not found.items:
            raise NotFound(f"no failed job has the fingerprint {fingerprint[:40]}")
        return found.items[0]

    async def _groups(self, query: Query, limit: int, only: str | None) -> DeadLetterGroups:
        groups: dict[str, _Group] = {}
        seen, after = 0, None
        for _ in range(MOST_PAGES):
            page = partial(_page, query=query, after=after, only=only)
            rows, after = await self._reader.run(page)
            seen += len(rows)
            for row in rows:
                new = _Group(row.job_id, row.finished_at, row.finished_at)
                groups.setdefault(row.fingerprint, new).add(row)
            if after is None:
                break
        largest = sorted(groups.items(), key=lambda item: (-item[1].count, item[0]))[:limit]
        samples = await self._reader.run(
            lambda unit: reads.jobs(unit, [group.newest for _, group in largest], only)
        )
        errors = {row.id: present.error(row.error) for row in samples}
        items = [
            DeadLetters(
                fingerprint=name,
                count=group.count,
                first_seen_at=time_out(group.first),
                last_seen_at=time_out(group.last),
                types=dict(group.types.most_common()),
                queues=dict(group.queues.most_common()),
                reasons=dict(group.reasons.most_common()),
                sample_job_id=group.newest,
                error=errors.get(group.newest),
            )
            for name, group in largest
        ]
        return DeadLetterGroups(items=items, failed=seen, complete=after is None)


def _page(
    unit: Unit, query: Query, after: str | None, only: str | None
) -> tuple[list[FailureRow], str | None]:
    found = listing.matching(unit, query, after, listing.MAX_EXAMINED, only)
    return deadletters.failures(unit, found.ids), found.next
