from __future__ import annotations

from typing import Any

import pytest

from tenure.client.call import Call, nothing
from tenure.client.paging import MAX_PAGE, items, items_awaited
from tenure.wire.base import Page

pytestmark = pytest.mark.anyio


class Numbers:
    """Ten numbers, three on a page at the most; the second page is empty, as short pages may be."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str | None]] = []

    def page(self, size: int, after: str | None) -> Call[Page[int]]:
        self.asked.append((size, after))
        return Call("GET", f"{size},{after or ''}", nothing)  # type: ignore[arg-type]

    def run(self, call: Call[Any]) -> Any:
        size, after = call.path.split(",")
        if after == "3":
            return Page(items=[], next="3b")
        first = int(after.rstrip("b") or 0)
        end = min(first + min(int(size), 3), 10)
        return Page(items=list(range(first, end)), next=str(end) if end < 10 else None)

    async def run_awaited(self, call: Call[Any]) -> Any:
        return self.run(call)


@pytest.mark.parametrize(("limit", "pages"), [(None, 5), (5, 3), (3, 1), (0, 0), (10, 5)])
async def test_pages_are_asked_for_until_there_is_enough(limit: int | None, pages: int) -> None:
    numbers, awaited = Numbers(), Numbers()
    found = list(items(numbers.run, numbers.page, limit))
    assert found == list(range(10 if limit is None else limit))
    assert len(numbers.asked) == pages
    assert [item async for item in items_awaited(awaited.run_awaited, awaited.page, limit)] == found
    assert awaited.asked == numbers.asked
    if limit is None:
        assert {size for size, _ in numbers.asked} == {MAX_PAGE}


async def test_nothing_is_asked_for_before_it_is_wanted() -> None:
    numbers = Numbers()
    found = items(numbers.run, numbers.page)
    assert numbers.asked == []
    assert [next(found), next(found), next(found)] == [0, 1, 2]
    assert len(numbers.asked) == 1
