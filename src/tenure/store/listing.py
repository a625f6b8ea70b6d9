"""Lists of jobs, newest first: keyset pages that examine a bounded number of rows.

A page is gathered from windows: the newest rows of what may match, then what of them does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tenure.domain.lifecycle import JobState
from tenure.store.unit import Unit
from tenure.store.windows import read_window, streams_of

MAX_EXAMINED = 10_000
MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Payloads and results of one page; a page holds one job at least."""
_WINDOWS = (500, 2_000, 2_000, 2_000, 2_000, 1_500)
"""Small ones: PostgreSQL prefers reading a whole table to many thousand single look-ups."""
_LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list shows; all that is given must hold. `text` is looked for in name, type, queue
    and payload, without regard to case (ASCII letters at least)."""

    states: frozenset[JobState] = frozenset()
    queue: str | None = None
    type: str | None = None
    tag: str | None = None
    text: str | None = None

    @property
    def open(self) -> bool:
        """Whether every job is shown."""
        return self == _OPEN


_OPEN = Filter()


@dataclass(frozen=True, slots=True)
class Listed:
    """Ids of a page, newest first. `next` is the id to go on below, None at the end."""

    ids: list[str]
    next: str | None


def job_ids(unit: Unit, wanted: Filter, after: str | None, limit: int, skip: int = 0) -> Listed:
    """A page of `limit` jobs below the id `after`, beyond the first `skip` that match.

    Examines at most MAX_EXAMINED rows, so the page may be short, even empty, while `next` is set.
    """
    below = after or _LAST
    streams = streams_of(unit, wanted.states, MAX_EXAMINED // 2)
    found: list[tuple[str, int]] = []
    for size in _sizes(wanted, limit + skip):
        room = limit + skip - len(found)
        rows, edge, count = _window(unit, wanted, streams, below, size, room)
        found += rows
        if len(rows) == room or edge is None or count < size:
            more = len(rows) == room and (count == size or rows[-1][0] != edge)
            return _cut(found[skip:], found[-1][0] if more else None)
        below = edge
    return _cut(found[skip:], below)


def _sizes(wanted: Filter, goal: int) -> Iterator[int]:
    left = MAX_EXAMINED
    for size in (goal + 1, *_WINDOWS) if wanted.open else _WINDOWS:
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


def _window(
    unit: Unit, wanted: Filter, streams: tuple[str, ...], below: str, size: int, room: int
) -> tuple[list[tuple[str, int]], str | None, int]:
    """The matches among the next `size` rows, at most `room`; the last row's id; how many."""
    params: dict[str, Any] = {"below": below, "size": size, "room": room}
    for name in ("queue", "type", "tag"):
        if getattr(wanted, name) is not None:
            params[name] = getattr(wanted, name)
    if wanted.text is not None:
        params["text"] = _pattern(wanted.text)
    named = frozenset(params.keys() - {"below", "size", "room"})
    rows = unit.rows(read_window(unit.dialect, streams, named, wanted.states), **params)
    _, _, edge, count = rows[0]
    return [(row[0], row[1]) for row in rows if row[0] is not None], edge, count


def _pattern(text: str) -> str:
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    return f"%{text}%"
