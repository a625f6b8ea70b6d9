"""Unique keys: which job of an owner a key belongs to.

The primary key of `unique_keys` decides, so it is true on any number of coordinators. A key of
scope `active` goes when its job ends (Tie.UNIQUE_KEY); one of scope `window` may be taken by anyone
once its time is over.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.errors import UniqueTaken
from tenure.domain.job import Unique, UniqueScope
from tenure.store import tables as t
from tenure.store import tables_limits as lim
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit

Key = tuple[str, str]
"""Owner and key."""


def take(unit: Unit, wanted: dict[Key, tuple[str, Unique]]) -> dict[Key, str]:
    """Take keys, each for a job; whom each belongs to afterwards, which is that job or another.

    Locks the rows of all these keys ascending, so what is answered holds until the commit.
    Repeatable: a key that belongs to the job already stays as it is.
    """
    rows = [
        (*key, job_id, unique.scope.value, _until(unit, unique))
        for key, (job_id, unique) in sorted(wanted.items(), key=lambda item: item[0])
    ]
    unit.execute(_take(unit.dialect), rows, now=unit.now)
    held = unit.rows(_holders(unit.dialect), sorted(wanted))
    return {(owner, key): job_id for owner, key, job_id in held}


def take_again(unit: Unit, owner: str, job_id: str, unique: Unique) -> None:
    """A finished job that goes on needs its key. Raises UniqueTaken when another job has it."""
    key = (owner, unique.key)
    holder = take(unit, {key: (job_id, unique)})[key]
    if holder != job_id:
        raise taken(unique.key, holder)


def taken(key: str, holder: str) -> UniqueTaken:
    """The refusal of a key that another job has."""
    return UniqueTaken(f"the unique key {key} belongs to job {holder}")


def _until(unit: Unit, unique: Unique) -> int | None:
    if unique.scope is not UniqueScope.WINDOW:
        return None
    return unit.now + int((unique.window_seconds or 0) * SECOND)


@cache
def _take(dialect: Dialect) -> sa.Executable:
    c = lim.unique_keys.c
    columns = (c.owner, c.key, c.job_id, c.scope, c.until)
    batch = dialect.batch(*columns)
    insert = dialect.upsert(lim.unique_keys).from_select(
        [column.name for column in columns],
        sa.select(*batch.c).where(sa.true()).order_by(batch.c.owner, batch.c.key),
    )
    return insert.on_conflict_do_update(
        index_elements=["owner", "key"],
        set_={name: insert.excluded[name] for name in ("job_id", "scope", "until")},
        where=c.until <= sa.bindparam("now", type_=t.Micros),
    )


@cache
def _holders(dialect: Dialect) -> sa.Select[Any]:
    c = lim.unique_keys.c
    batch = dialect.batch(c.owner, c.key)
    return dialect.read(
        sa.select(c.owner, c.key, c.job_id).join_from(
            batch, lim.unique_keys, sa.and_(c.owner == batch.c.owner, c.key == batch.c.key)
        )
    )


def let_go(unit: Unit, job_ids: list[str], *, ended: bool = True) -> None:
    """Free the keys that these jobs hold until they end; every key of theirs unless `ended`."""
    if job_ids:
        unit.execute(_free(unit.dialect, ended), sorted((job_id,) for job_id in job_ids))


@cache
def _free(dialect: Dialect, ended: bool) -> sa.Executable:
    c = lim.unique_keys.c
    batch = dialect.batch(c.job_id)
    found = sa.delete(lim.unique_keys).where(c.job_id.in_(sa.select(batch.c.job_id)))
    return found.where(c.scope == UniqueScope.ACTIVE.value) if ended else found
