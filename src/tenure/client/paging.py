"""Lists that come page by page, in both clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from tenure.client.call import Call, Run, RunAwaited
from tenure.wire.base import Page

Item = TypeVar("Item")
MAX_PAGE = 500


def items(
    run: Run, asked: Callable[[int, str | None], Call[Page[Item]]], limit: int | None = None
) -> Iterator[Item]:
    """What the pages of `asked(size, after)` hold, at most `limit` (None: all). A page is asked
    for when its first item is."""
    after, left = None, limit
    while left is None or left > 0:
        page = run(asked(_size(left), after))
        yield from page.items
        after, left = page.next, None if left is None else left - len(page.items)
        if after is None:
            return


async def items_awaited(
    run: RunAwaited, asked: Callable[[int, str | None], Call[Page[Item]]], limit: int | None = None
) -> AsyncIterator[Item]:
    """See `items`."""
    after, left = None, limit
    while left is None or left > 0:
        page = await run(asked(_size(left), after))
        for item in page.items:
            yield item
        after, left = page.next, None if left is None else left - len(page.items)
        if after is None:
            return


def _size(left: int | None) -> int:
    return MAX_PAGE if left is None else min(left, MAX_PAGE)
