"""What people ask about limits of concurrency keys, and set."""

from __future__ import annotations

from tenure.coordinator import queries, witness
from tenure.domain.access import Principal
from tenure.domain.errors import InvalidInput
from tenure.domain.job import MAX_KEY
from tenure.store import limits as store
from tenure.store.committer import Committer
from tenure.store.limits import LimitRow
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire.base import Page, maybe_time_out
from tenure.wire.limits import Limit
from tenure.wire.text import unstorable


class Limiting:
    """Limits of concurrency keys. Every method raises InvalidInput for a key that is none."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._committer = committer
        self._reader = reader

    async def get(self, key: str, _: Principal) -> Limit:
        """A key's limit and its use; the default when nobody set one."""
        _check(key)
        return _limit(await self._reader.run(lambda unit: store.limit_of(unit, key)))

    async def set(self, key: str, max_running: int, principal: Principal) -> Limit:
        """Set a limit; what it makes room for is admitted with it. Repeatable."""
        _check(key)
        await self._committer.run(lambda unit: _set(unit, key, max_running, principal))
        return await self.get(key, principal)

    async def unset(self, key: str, principal: Principal) -> None:
        """Back to the default of one. Repeatable."""
        _check(key)
        await self._committer.run(lambda unit: _set(unit, key, None, principal))

    async def list(self, _: Principal, limit: int | None, after: str | None) -> Page[Limit]:
        """Limits that somebody set or that are in use, by key."""
        size = queries.bounded("limit", limit, queries.DEFAULT_PAGE, queries.MAX_PAGE)
        start = queries.word("after", after, MAX_KEY) or ""
        rows = await self._reader.run(lambda unit: store.limits_after(unit, start, size))
        following = rows[-1].key if len(rows) == size else None
        return Page(items=[_limit(row) for row in rows], next=following)


def _set(unit: Unit, key: str, max_running: int | None, principal: Principal) -> None:
    """Set a limit, None: unset it; and note who did."""
    before = store.limit_of(unit, key)
    if max_running is None:
        store.unset_limit(unit, key)
    else:
        store.set_limit(unit, key, max_running)
    was, now = ({"max_running": most} for most in (before.max_running, max_running))
    witness.administered(unit, "limit.set", principal, key, was, now)


def _check(key: str) -> None:
    if not 0 < len(key) <= MAX_KEY or unstorable(key):
        raise InvalidInput.field("key", f"must have 1 to {MAX_KEY} characters")


def _limit(row: LimitRow) -> Limit:
    return Limit(
        key=row.key,
        max_running=row.max_running,
        admitted=row.pending + row.running,
        pending=row.pending,
        running=row.running,
        waiting=row.waiting,
        updated_at=maybe_time_out(row.updated_at),
    )
