"""The audit: who did what, written with the act itself, and chained by hash afterwards.

Lines commit in any order, so the chain is not that of their ids: whoever chains takes what is
committed and not yet chained, in order of id, and gives it the next places. A line that commits
late goes behind its elders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.access import Principal
from tenure.domain.audit import Head, Line, chained
from tenure.domain.ids import IdSource
from tenure.store import tables as t
from tenure.store import tables_audit as ta
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit, json_text

CHAIN_AT_ONCE = 500
_COLUMNS = tuple(ta.audit.c)
_WRITTEN = _COLUMNS[: Line._fields.index("place")]
_MOST_CHARACTERS = 300
_UNSTORABLE = {0: "\ufffd"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. `by` None: the coordinator itself, or with `address` somebody not known there.
    `target` names a kind of thing (`job`, `user`).

    `before` and `after` hold what changed; secrets are masked by whoever fills them.
    """

    action: str
    by: Principal | None = None
    target: str | None = None
    target_id: str | None = None
    reason: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    address: str | None = None


def audit(unit: Unit, entries: list[Entry]) -> None:
    """Append lines in one statement, with the acts they tell of. Locks nothing."""
    if not entries:
        return
    ids = IdSource().make(unit.now, len(entries))
    rows = [_row(id_, unit.now, entry) for id_, entry in zip(ids, entries, strict=True)]
    unit.execute(_insert(unit.dialect), rows)
    unit.audited += len(rows)


def _row(id_: str, now: int, entry: Entry) -> tuple[Any, ...]:
    by = entry.by
    return (
        id_, now, entry.action,
        None if by is None else by.id,
        _short(None if by is None else by.name),
        None if by is None else by.role.value,
        None if by is None else by.token_id,
        entry.address if by is None else by.address,
        entry.target, _short(entry.target_id), _clean(entry.reason),
        None if entry.before is None else _clean(json_text(entry.before)),
        None if entry.after is None else _clean(json_text(entry.after)),
    )  # fmt: skip


def _short(text: str | None) -> str | None:
    return None if text is None else _clean(text[:_MOST_CHARACTERS])


def _clean(text: str | None) -> str | None:
    return None if text is None else text.translate(_UNSTORABLE)


@cache
def _insert(dialect: Dialect) -> sa.Executable:
    batch = dialect.batch(*_WRITTEN)
    return sa.insert(ta.audit).from_select([c.name for c in _WRITTEN], sa.select(*batch.c))


def chain(unit: Unit, limit: int = CHAIN_AT_ONCE) -> int:
    """Chain up to `limit` committed lines; how many. Locks the head, so that coordinators take
    turns. Reads ix_audit_unchained."""
    head = _locked_head(unit)
    rows = unit.rows(_read_unchained(unit.dialect), limit=limit)
    found = chained(head, (Line._make(row) for row in rows))
    if found:
        unit.execute(_place(unit.dialect), found)
        _, place, digest = found[-1]
        unit.execute(_move_head(), at=place, said=digest)
    return len(found)


def _locked_head(unit: Unit) -> Head:
    rows = unit.rows(_read_head(unit.dialect, True))
    if not rows:
        first = Head()
        unit.execute(_insert_head(unit.dialect), [(1, first.place, first.digest)])
        rows = unit.rows(_read_head(unit.dialect, True))
    return Head(*rows[0])


@cache
def _insert_head(dialect: Dialect) -> sa.Executable:
    c = ta.audit_head.c
    batch = dialect.batch(c.id, c.place, c.digest)
    insert = dialect.upsert(ta.audit_head).from_select(
        ["id", "place", "digest"], sa.select(*batch.c).where(sa.true())
    )
    return insert.on_conflict_do_nothing(index_elements=["id"])


@cache
def _read_head(dialect: Dialect, locked: bool) -> sa.Select[Any]:
    c = ta.audit_head.c
    found = sa.select(c.place, c.digest).where(c.id == sa.literal_column("1"))
    return dialect.read(found.with_for_update() if locked else found)


@cache
def _read_unchained(dialect: Dialect) -> sa.Select[Any]:
    limit = sa.bindparam("limit", type_=t.Integer)
    found = sa.select(*_COLUMNS).where(ta.UNCHAINED).order_by(ta.audit.c.id).limit(limit)
    return dialect.read(found)


@cache
def _place(dialect: Dialect) -> sa.Executable:
    c = ta.audit.c
    batch = dialect.batch(c.id, c.place, c.digest)
    return (
        sa.update(ta.audit)
        .where(c.id == batch.c.id, ta.UNCHAINED)
        .values(place=batch.c.place, digest=batch.c.digest)
    )


@cache
def _move_head() -> sa.Update:
    return (
        sa.update(ta.audit_head)
        .where(ta.audit_head.c.id == sa.literal_column("1"))
        .values(place=sa.bindparam("at"), digest=sa.bindparam("said"))
    )


def head(unit: Unit) -> Head:
    """How far the chain goes."""
    rows = unit.rows(_read_head(unit.dialect, False))
    return Head(*rows[0]) if rows else Head()


def links(unit: Unit, after: int, limit: int) -> list[Line]:
    """Up to `limit` chained lines beyond a place, in the order of the chain."""
    rows = unit.rows(_read_links(unit.dialect), after=after, limit=limit)
    return [Line._make(row) for row in rows]


@cache
def _read_links(dialect: Dialect) -> sa.Select[Any]:
    c = ta.audit.c
    after, limit = (
        sa.bindparam("after", type_=sa.BigInteger),
        sa.bindparam("limit", type_=t.Integer),
    )
    return dialect.read(sa.select(*_COLUMNS).where(c.place > after).order_by(c.place).limit(limit))


Wanted = Mapping[str, Any]
"""Conditions by name: `action`, `actor_id`, `actor`, `target`, `target_id`, `address`, `since` and
`until` (microseconds); None asks for nothing."""


def newest(unit: Unit, wanted: Wanted, below: str, limit: int) -> list[Line]:
    """Up to `limit` lines that fit, newest first, below an id."""
    given = {name: value for name, value in wanted.items() if value is not None}
    statement = _read_newest(unit.dialect, frozenset(given))
    rows = unit.rows(statement, below=below, limit=limit, **given)
    return [Line._make(row) for row in rows]


@cache
def _read_newest(dialect: Dialect, given: frozenset[str]) -> sa.Select[Any]:
    c = ta.audit.c
    limit = sa.bindparam("limit", type_=t.Integer)
    found = sa.select(*_COLUMNS).where(c.id < sa.bindparam("below", type_=t.Uuid))
    for name in sorted(given):
        if name == "since":
            found = found.where(c.at >= sa.bindparam("since", type_=t.Micros))
        elif name == "until":
            found = found.where(c.at < sa.bindparam("until", type_=t.Micros))
        else:
            found = found.where(c[name] == sa.bindparam(name, type_=t.Text))
    return dialect.read(found.order_by(c.id.desc()).limit(limit))
