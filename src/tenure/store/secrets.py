"""The installation's own secrets, shared by its coordinators: each is kept by the first."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store import tables_access as ta
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


def keep_secret(unit: Unit, name: str, value: str) -> str:
    """Keep a secret unless there is one of this name; the one that is kept."""
    unit.execute(_insert(unit.dialect), name=name, value=value, created_at=unit.now)
    found = read_secret(unit, name)
    return value if found is None else found


def read_secret(unit: Unit, name: str) -> str | None:
    """The secret of this name."""
    rows = unit.rows(_read(unit.dialect), name=name)
    return str(rows[0][0]) if rows else None


@cache
def _insert(dialect: Dialect) -> sa.Executable:
    names = ta.secrets.c.keys()
    values = {name: sa.bindparam(name, type_=ta.secrets.c[name].type) for name in names}
    return dialect.upsert(ta.secrets).values(values).on_conflict_do_nothing()


@cache
def _read(dialect: Dialect) -> sa.Select[Any]:
    c = ta.secrets.c
    return dialect.read(sa.select(c.value).where(c.name == sa.bindparam("name", type_=t.Text)))
