"""Numbers over time, and the catalogue of handlers, read from the store when asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec

from tenure.domain import histogram
from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.errors import InvalidInput
from tenure.store import series as store
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire.base import time_out
from tenure.wire.system import Handler, Handlers, Point, Series

RANGES: dict[int, int] = {900: 60, 3_600: 60, 21_600: 300, 86_400: 900, 604_800: 7_200}
"""Seconds of a range, and of its steps: 15 minutes to 7 days, at most 96 points."""
_LAST_HOUR = 60 * MINUTE
_ONLINE = frozenset({"online", "draining"})


class _Offered(msgspec.Struct):
    name: str
    schema: msgspec.Raw = msgspec.Raw(b"null")


_TYPES = msgspec.json.Decoder(list[_Offered])
_NAMES = msgspec.json.Decoder(list[str])


class Charts:
    """Reads for people who look; nothing here is kept. Use from one event loop."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def series(self, seconds: int, queue: str | None, type_: str | None) -> Series:
        """The last `seconds` in steps. Raises InvalidInput unless it is one of RANGES."""
        step = RANGES.get(seconds)
        if step is None:
            known = ", ".join(map(str, RANGES))
            raise InvalidInput.field("range_seconds", f"must be one of {known}")
        return await self._reader.run(lambda unit: _series(unit, seconds, step, queue, type_))

    async def handlers(self) -> Handlers:
        """Every type that a worker offers or that ended jobs within the last hour, by name."""
        return await self._reader.run(_handlers)


def _series(unit: Unit, seconds: int, step: int, queue: str | None, type_: str | None) -> Series:
    width = step * SECOND
    last = unit.now - unit.now % width
    first = last + width - seconds * SECOND
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for row in store.steps(unit, first, width, queue, type_):
        counts[row.at][row.measure] = row.count
    return Series(
        as_of=time_out(unit.now),
        range_seconds=seconds,
        step_seconds=step,
        points=[_point(at, counts.get(at, {})) for at in range(first, last + width, width)],
    )


def _point(at: int, counts: Mapping[str, int]) -> Point:
    return Point(
        at=time_out(at),
        submitted=counts.get("submitted", 0),
        completed=counts.get("completed", 0),
        failed=counts.get("failed", 0),
        cancelled=counts.get("cancelled", 0),
        retried=counts.get("retried", 0),
        lost=counts.get("lost", 0),
        start_delay_seconds=_quantiles(counts, "delay"),
        duration_seconds=_quantiles(counts, "duration"),
    )


def _quantiles(counts: Mapping[str, int], measure: str) -> dict[str, float | None]:
    found: Counter[int] = Counter()
    for name, count in counts.items():
        kind, _, place = name.partition(":")
        if place and kind == measure:
            found[int(place)] += count
    return {f"p{share}": histogram.quantile(found, share / 100) for share in (50, 95, 99)}


def _handlers(unit: Unit) -> Handlers:
    schemas: dict[str, Any] = {}
    workers: Counter[str] = Counter()
    queues: dict[str, set[str]] = defaultdict(set)
    for offer in store.offers(unit):
        for offered in _TYPES.decode(offer.types):
            schemas.setdefault(offered.name, offered.schema)
            if offer.state in _ONLINE:
                workers[offered.name] += 1
                queues[offered.name].update(_NAMES.decode(offer.queues))
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for type_, measure, count in store.by_type(unit, unit.now - _LAST_HOUR):
        counts[type_][measure] = count
    return Handlers(
        as_of=time_out(unit.now),
        items=[
            Handler(
                type=name,
                schema=schemas.get(name),
                workers=workers[name],
                queues=sorted(queues[name]),
                completed=counts[name].get("completed", 0),
                failed=counts[name].get("failed", 0),
                retried=counts[name].get("retried", 0),
                duration_seconds=_quantiles(counts[name], "duration"),
            )
            for name in sorted(schemas.keys() | counts.keys())
        ],
    )
