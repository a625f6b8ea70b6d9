"""Events: what a person did to a job or worker, and transitions out of the ordinary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit, json_text


@dataclass(frozen=True, slots=True)
class Happening:
    """One event. `job_id` None: it is not about a job. `actor` None: the coordinator itself."""

    event: str
    job_id: str | None = None
    actor: str | None = None
    reason: str | None = None
    detail: Mapping[str, Any] | None = None


def record(unit: Unit, happenings: list[Happening]) -> None:
    """Append events in one statement; those of one call keep their order. Locks nothing."""
    if not happenings:
        return
    ids = unit.ids.make(unit.now, len(happenings))
    rows = [
        (
            id_, h.job_id, unit.now, h.event, h.actor, h.reason,
            None if h.detail is None else json_text(h.detail),
        )
        for id_, h in zip(ids, happenings, strict=True)
    ]  # fmt: skip
    unit.execute(_insert_events(unit.dialect), rows)


@cache
def _insert_events(dialect: Dialect) -> sa.Executable:
    c = t.events.c
    columns = (c.id, c.job_id, c.at, c.event, c.actor, c.reason, c.detail)
    batch = dialect.batch(*columns)
    return sa.insert(t.events).from_select([column.name for column in columns], sa.select(*batch.c))
