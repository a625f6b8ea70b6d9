"""The coordinators of one store: each says that it lives, and counts those that do."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.lease import LeaseTerms
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


def beat(unit: Unit, terms: LeaseTerms) -> int:
    """Note that the unit's coordinator lives; how many were seen within one lease, itself included.

    Locks its own row only. Repeatable.
    """
    unit.execute(_beat(unit.dialect), id=unit.coordinator_id, now=unit.now)
    found: int = unit.execute(_count(), after=unit.now - terms.lease).scalar_one()
    return found


@cache
def _beat(dialect: Dialect) -> sa.Executable:
    now = sa.bindparam("now", type_=t.Micros)
    insert = dialect.upsert(t.coordinators).values(
        id=sa.bindparam("id", type_=t.Uuid), started_at=now, last_seen_at=now
    )
    return insert.on_conflict_do_update(
        index_elements=["id"], set_={"last_seen_at": insert.excluded.last_seen_at}
    )


@cache
def _count() -> sa.Select[Any]:
    c = t.coordinators.c
    return sa.select(sa.func.count()).where(c.last_seen_at > sa.bindparam("after", type_=t.Micros))


def leave(unit: Unit) -> None:
    """The unit's coordinator stops. Repeatable."""
    unit.execute(sa.delete(t.coordinators).where(t.coordinators.c.id == unit.coordinator_id))


def forget(unit: Unit, before: int) -> int:
    """Delete coordinators last seen before an instant (microseconds); how many it was."""
    deleted: int = unit.execute(
        sa.delete(t.coordinators).where(t.coordinators.c.last_seen_at < before)
    ).rowcount
    return deleted
