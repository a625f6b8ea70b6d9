"""Lists of jobs, newest first: keyset pages that examine a bounded number of rows.

A page is gathered from windows: the newest rows of what may match, then what of them does.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from tenure.domain.query import LAST_ID, Query
from tenure.store.unit import Unit
from tenure.store.windows import read_window, streams_of, streams_of_owner

MAX_EXAMINED = 10_000
MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Payloads and results of one page; a page holds one job at least."""
_WINDOWS = (500, 2_000, 2_000, 2_000, 2_000, 1_500)
"""Small ones: PostgreSQL prefers reading a whole table to many thousand single look-ups."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Ids of a page, newest first. `next` is the id to go on below, None at the end."""

    ids: list[str]
    next: str | None


def job_ids(
    unit: Unit,
    query: Query,
    after: str | None,
    limit: int,
    skip: int = 0,
    only: str | None = None,
) -> Listed:
    """A page of `limit` jobs below the id `after`, beyond the first `skip` that fit, of the owner
    `only` unless that is None.

    Examines at most MAX_EXAMINED rows, so the page may be short, even empty, while `next` is set.
    """
    found, following = _gather(unit, query, after, limit + skip, only)
    return _cut(found[skip:], following)


def matching(
    unit: Unit, query: Query, after: str | None, limit: int, only: str | None = None
) -> Listed:
    """As `job_ids`, for those who read no payloads: pages are not bounded by bytes."""
    found, following = _gather(unit, query, after, limit, only)
    return Listed([job_id for job_id, _ in found], following)


def _gather(
    unit: Unit, query: Query, after: str | None, goal: int, only: str | None
) -> tuple[list[tuple[str, int]], str | None]:
    """Up to `goal` jobs that fit, each with its size, and the id to go on below."""
    low, high = query.ids
    below = min(after or LAST_ID, _beyond(high))
    found: list[tuple[str, int]] = []
    if not query.states or below <= low:
        return found, None
    streams = (
        streams_of(unit, query.states, MAX_EXAMINED // 2)
        if only is None
        else streams_of_owner(query.states)
    )
    statement = read_window(unit.dialect, streams, query)
    for size in _sizes(query, goal):
        room = goal - len(found)
        rows = unit.rows(statement, below=below, floor=low, size=size, room=room, only=only)
        edge, count = rows[0][2], rows[0][3]
        fit = [(row[0], row[1]) for row in rows if row[0] is not None]
        found += fit
        if len(fit) == room or edge is None or count < size:
            more = len(fit) == room and (count == size or fit[-1][0] != edge)
            return found, found[-1][0] if more else None
        below = edge
    return found, below


def _beyond(job_id: str) -> str:
    """The next id after this one."""
    return job_id if job_id == LAST_ID else str(uuid.UUID(int=uuid.UUID(job_id).int + 1))


def _sizes(query: Query, goal: int) -> Iterator[int]:
    left = MAX_EXAMINED
    for size in (goal + 1, *_WINDOWS) if query == Query() else _WINDOWS:
        if left:
            yield min(size, left)
            left -= min(size, left)


def _cut(found: list[tuple[str, int]], following: str | None) -> Listed:
    """Bound a page by its bytes."""
    total = 0
    for place, (_, size) in enumerate(found):
        total += size
        if total > MAX_PAGE_BYTES and place:
            return Listed([job_id for job_id, _ in found[:place]], found[place - 1][0])
    return Listed([job_id for job_id, _ in found], following)
