"""What an owner has, counted over the index of the owner up to a bound; never history.

Exact as long as one coordinator writes: counted in the transaction that adds. Coordinators that
write at the same moment do not see each other, so together they may pass a bound by what is then
under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tenure.domain.errors import QuotaExceeded, TenureError
from tenure.store import tables as t
from tenure.store import tables_schedules as s
from tenure.store.dialect import Dialect
from tenure.store.sight import owned
from tenure.store.unit import Unit

if TYPE_CHECKING:
    from tenure.store.submits import Submission


def beyond(unit: Unit, submissions: Sequence[Submission]) -> dict[int, dict[int, TenureError]]:
    """The jobs, by the place of their request and their own, for which their owner has no room.

    Reads at most `most_unfinished` + 1 entries of ix_active_jobs_owner_id for each owner.
    """
    found: dict[int, dict[int, TenureError]] = {}
    room: dict[str, int] = {}
    for place, item in enumerate(submissions):
        most, owner = item.most_unfinished, item.owner
        if most is None:
            continue
        if owner not in room:
            room[owner] = most - _unfinished(unit, owner, most + 1)
        left = max(room[owner], 0)
        if len(item.jobs) > left:
            error = _refusal("unfinished_jobs", most, most - left, len(item.jobs))
            found[place] = dict.fromkeys(range(left, len(item.jobs)), error)
        if len(item.jobs) <= left or not item.atomic:
            room[owner] = left - min(len(item.jobs), left)
    return found


def check_room(unit: Unit, owner: str | None, most: int | None, more: int) -> None:
    """Refuse `more` jobs beyond what an owner may have unfinished. Raises QuotaExceeded."""
    if owner is not None and most is not None:
        used = _unfinished(unit, owner, most + 1)
        if used + more > most:
            raise _refusal("unfinished_jobs", most, used, more)


def check_schedules(unit: Unit, owner: str | None, most: int | None) -> None:
    """Refuse one more schedule than an owner may have. Raises QuotaExceeded."""
    if owner is not None and most is not None:
        [(used,)] = unit.rows(_count_schedules(unit.dialect), only=owner, limit=most + 1)
        if used >= most:
            raise _refusal("schedules", most, used, 1)


def _refusal(name: str, most: int, used: int, more: int) -> QuotaExceeded:
    return QuotaExceeded(
        f"quota {name}: at most {most}, {min(used, most)} are there, {more} more were asked for",
        retry_after=30.0,
    )


def _unfinished(unit: Unit, owner: str, limit: int) -> int:
    [(count,)] = unit.rows(_count_unfinished(unit.dialect), only=owner, limit=limit)
    return int(count)


@cache
def _count_unfinished(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    return _count(dialect, sa.select(a.job_id).where(owned(a.owner_id)))


@cache
def _count_schedules(dialect: Dialect) -> sa.Select[Any]:
    c = s.schedules.c
    return _count(dialect, sa.select(c.id).where(owned(c.owner_id), c.deleted_at.is_(None)))


def _count(dialect: Dialect, rows: sa.Select[Any]) -> sa.Select[Any]:
    some = rows.limit(sa.bindparam("limit", type_=t.Integer)).subquery("some")
    return dialect.read(sa.select(sa.func.count()).select_from(some))
