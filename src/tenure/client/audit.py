"""The audit in both clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime
from typing import TypedDict

from tenure.client.call import Call, path, reads
from tenure.wire.audit import AuditLine, AuditPage

MAX_PAGE = 500
_page = reads(AuditPage)


class AuditFilter(TypedDict, total=False):
    """What lines to show; each condition is exact, all of them hold. Times are aware."""

    action: str
    actor: str
    target: str
    target_id: str
    address: str
    since: datetime | str
    until: datetime | str


def page(shown: AuditFilter, limit: int | None, after: str | None) -> Call[AuditPage]:
    """One page of the audit."""
    query = {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in shown.items()
    }
    return Call("GET", path("audit", **query, limit=limit, after=after), _page, repeatable=True)


def lines(
    run: Callable[[Call[AuditPage]], AuditPage], shown: AuditFilter, limit: int | None
) -> Iterator[AuditLine]:
    """Lines, newest first, page by page as they are asked for."""
    left, after = limit, None
    while left is None or left > 0:
        found = run(page(shown, _size(left), after))
        yield from found.items
        left, after = None if left is None else left - len(found.items), found.next
        if after is None:
            return


async def lines_async(
    run: Callable[[Call[AuditPage]], Awaitable[AuditPage]], shown: AuditFilter, limit: int | None
) -> AsyncIterator[AuditLine]:
    """See `lines`."""
    left, after = limit, None
    while left is None or left > 0:
        found = await run(page(shown, _size(left), after))
        for line in found.items:
            yield line
        left, after = None if left is None else left - len(found.items), found.next
        if after is None:
            return


def _size(left: int | None) -> int:
    return MAX_PAGE if left is None else min(left, MAX_PAGE)
