"""Ids that a person shortens."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.errors import NotFound
from tenure.domain.ids import is_id
from tenure.store.dialect import Dialect
from tenure.store.sight import owned
from tenure.store.unit import Unit

MIN_PREFIX = 8
_SHAPE = "00000000-0000-0000-0000-000000000000"


def resolve(
    unit: Unit, table: sa.Table, text: str, missing: type[NotFound], word: str, only: str | None
) -> str:
    """The id that `text` names: an id as it stands, whoever's it is, or the only undeleted row's
    that begins with it, among those of the owner `only` unless that is None.

    A prefix has at least MIN_PREFIX characters. Raises `missing`, also when several rows match.
    """
    if is_id(text):
        return text
    span = prefix_span(text)
    if span is None:
        raise missing(
            f"there is no {word} {text[:40]} (an id may be shortened to {MIN_PREFIX} characters)"
        )
    low, high = span
    rows = unit.rows(
        _read_prefix(unit.dialect, table, only is not None), low=low, high=high, only=only
    )
    if not rows:
        raise missing(f"there is no {word} that begins with {text}")
    if len(rows) > 1:
        raise missing(f"several {word}s begin with {text}, give more of the id")
    found: str = rows[0][0]
    return found


def prefix_span(text: str) -> tuple[str, str] | None:
    """The lowest and the highest id that begin with `text`; None when it begins none."""
    if len(text) < MIN_PREFIX or not is_id(text + _SHAPE[len(text) :]):
        return None
    return text + _SHAPE[len(text) :], text + _SHAPE.replace("0", "f")[len(text) :]


@cache
def _read_prefix(dialect: Dialect, table: sa.Table, own: bool) -> sa.Select[Any]:
    c = table.c
    found = sa.select(c.id).where(c.id >= sa.bindparam("low"), c.id <= sa.bindparam("high"))
    if "deleted_at" in c:
        found = found.where(c.deleted_at.is_(None))
    return dialect.read((found.where(owned(c.owner_id)) if own else found).limit(2))
