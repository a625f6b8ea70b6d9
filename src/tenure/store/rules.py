"""Rules of notifications: who is to be told of what."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.errors import Conflict, NotFound
from tenure.domain.ids import is_id
from tenure.domain.notification import Terms
from tenure.store import tables as t
from tenure.store import tables_notify as n
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


class RuleRow(NamedTuple):
    """A rule and what it remembers; `channel_ids` and `hits` are JSON text, instants and spans
    microseconds."""

    id: str
    name: str
    topic: str
    filter: str | None
    channel_ids: str
    threshold: int
    window_span: int
    cool_down: int
    recovery: int
    enabled: int
    created_at: int
    hits: str = "[]"
    last_hit: int | None = None
    told_at: int | None = None
    suppressed: int = 0
    recovers_at: int | None = None

    @property
    def terms(self) -> Terms:
        """When it speaks."""
        return Terms(self.threshold, self.window_span, self.cool_down, bool(self.recovery))


FORGOTTEN: Mapping[str, Any] = {
    "hits": "[]", "last_hit": None, "told_at": None, "suppressed": 0, "recovers_at": None,
}  # fmt: skip
"""What a rule that was changed remembers: nothing."""


def watched(unit: Unit) -> frozenset[str]:
    """The topics that enabled rules are about. Reads all rules."""
    return frozenset(row[0] for row in unit.rows(_watched(unit.dialect)))


def add_rule(unit: Unit, row: RuleRow) -> None:
    """Insert a rule. Its id is new. Raises Conflict when the name is taken."""
    _check_name(unit, row.name, None)
    unit.execute(sa.insert(n.rules), **row._asdict())


def get_rule(unit: Unit, who: str) -> RuleRow:
    """A rule by id or name. Raises NotFound."""
    asked = _read(unit.dialect, "id" if is_id(who) else "name")
    rows = unit.rows(asked, value=who) if "\0" not in who else []  # which no name can hold
    if not rows:
        raise NotFound(f"there is no rule {who[:100]}")
    return RuleRow._make(rows[0])


def list_rules(unit: Unit, after: str, limit: int) -> list[RuleRow]:
    """Up to `limit` rules beyond the rule `after`, by id."""
    return [RuleRow._make(row) for row in unit.rows(_page(unit.dialect), after=after, limit=limit)]


def change_rule(unit: Unit, rule_id: str, changes: Mapping[str, Any]) -> None:
    """Set columns of a rule, which begins anew. Raises Conflict when the new name is taken."""
    if "name" in changes:
        _check_name(unit, changes["name"], rule_id)
    values = {**FORGOTTEN, **changes}
    unit.execute(sa.update(n.rules).where(_one()).values(**values), rule_id=rule_id)


def delete_rule(unit: Unit, rule_id: str) -> None:
    """Delete a rule; what it had sent stays."""
    unit.execute(sa.delete(n.rules).where(_one()), rule_id=rule_id)


def _check_name(unit: Unit, name: str, own: str | None) -> None:
    rows = unit.rows(_read(unit.dialect, "name"), value=name)
    if rows and rows[0][0] != own:
        raise Conflict(f"there is a rule {name} already")


def _one() -> sa.ColumnElement[bool]:
    return n.rules.c.id == sa.bindparam("rule_id", type_=t.Uuid)


@cache
def _watched(dialect: Dialect) -> sa.Select[Any]:
    c = n.rules.c
    return dialect.read(sa.select(c.topic).where(c.enabled == 1).distinct())


@cache
def _read(dialect: Dialect, column: str) -> sa.Select[Any]:
    asked = n.rules.c[column]
    return dialect.read(
        sa.select(*n.rules.c).where(asked == sa.bindparam("value", type_=asked.type))
    )


@cache
def _page(dialect: Dialect) -> sa.Select[Any]:
    c = n.rules.c
    found = sa.select(*c).where(c.id > sa.bindparam("after", type_=t.Uuid)).order_by(c.id)
    return dialect.read(found.limit(sa.bindparam("limit", type_=t.Integer)))
