"""Which fields of payloads are secret: kept for ever, whatever becomes of the workers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.concealing import ANY, Path, alike, from_pointer, pointer
from tenure.store.dialect import Dialect
from tenure.store.tables_concealed import secret_fields as table
from tenure.store.unit import Unit


def secret_fields(unit: Unit) -> list[tuple[str, Path]]:
    """(type, path) of all of them."""
    return [(row[0], from_pointer(row[1])) for row in unit.rows(_read(unit.dialect))]


@cache
def _read(dialect: Dialect) -> sa.Select[Any]:
    return dialect.read(sa.select(table.c.type, table.c.path))


def add(unit: Unit, fields: Iterable[tuple[str, Path]]) -> None:
    """Note (type, path) of each if it is new. Locks what it adds, ascending. Repeatable."""
    rows = sorted((type_, pointer(path), alike(path[0]) if path else "") for type_, path in fields)
    if rows:
        unit.execute(_insert(unit.dialect), rows)


@cache
def _insert(dialect: Dialect) -> sa.Executable:
    batch = dialect.batch(*table.c)
    insert = dialect.upsert(table).from_select(
        [column.name for column in table.c], sa.select(*batch.c).where(sa.true())
    )
    return insert.on_conflict_do_nothing(index_elements=["type", "path"])


def may_look_into(
    type_: sa.ColumnElement[Any], path: Sequence[str] | None = None
) -> sa.ColumnElement[bool]:
    """Whether a filter may look into payloads of a type: at the end of a path into it, or
    anywhere when None. What it could find there must not be secret: who may not see a value could
    guess it letter by letter."""
    one: sa.Select[Any] = sa.select(sa.literal_column("1"))
    found = one.select_from(table).where(table.c.type == type_).correlate_except(table)
    if path:
        found = found.where(table.c.top.in_([alike(path[0]), ANY, ""]))
    return ~found.exists()
