"""Channels: ways to tell somebody. Their secrets are here as they are: they are signed with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.errors import Conflict, NotFound
from tenure.domain.ids import is_id
from tenure.domain.notification import ROTATION_OVERLAP
from tenure.store import tables as t
from tenure.store import tables_notify as n
from tenure.store.deliveries import give_up
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


class ChannelRow(NamedTuple):
    """A channel; instants in microseconds."""

    id: str
    name: str
    kind: str
    target: str
    secret: str | None
    old_secret: str | None
    old_secret_until: int | None
    disabled_at: int | None
    disabled_reason: str | None
    created_at: int


def add_channel(unit: Unit, row: ChannelRow) -> None:
    """Insert a channel. Its id is new. Raises Conflict when the name is taken."""
    _check_name(unit, row.name, None)
    unit.execute(sa.insert(n.channels), **row._asdict())


def get_channel(unit: Unit, who: str) -> ChannelRow:
    """A channel by id or name. Raises NotFound."""
    asked = _read(unit.dialect, "id" if is_id(who) else "name")
    rows = unit.rows(asked, value=who) if "\0" not in who else []  # which no name can hold
    if not rows:
        raise NotFound(f"there is no channel {who[:100]}")
    return ChannelRow._make(rows[0])


def list_channels(unit: Unit, after: str, limit: int) -> list[ChannelRow]:
    """Up to `limit` channels beyond the channel `after`, by id."""
    return [
        ChannelRow._make(row) for row in unit.rows(_page(unit.dialect), after=after, limit=limit)
    ]


def change_channel(unit: Unit, channel_id: str, changes: Mapping[str, Any]) -> None:
    """Set columns of a channel. Raises Conflict when the new name is taken."""
    if "name" in changes:
        _check_name(unit, changes["name"], channel_id)
    unit.execute(sa.update(n.channels).where(_one()).values(**changes), channel_id=channel_id)


def disable(unit: Unit, channel_id: str, reason: str) -> None:
    """Send nothing more over a channel; what waits for it has failed. Repeatable."""
    change_channel(unit, channel_id, {"disabled_at": unit.now, "disabled_reason": reason})
    give_up(unit, channel_id, reason)


def rotate(unit: Unit, row: ChannelRow, secret: str) -> None:
    """Sign by a new secret, and for a day by the former one too."""
    changes = {
        "secret": secret,
        "old_secret": row.secret,
        "old_secret_until": unit.now + ROTATION_OVERLAP,
    }
    change_channel(unit, row.id, changes)


def delete_channel(unit: Unit, channel_id: str) -> None:
    """Delete a channel that no rule names; its deliveries stay. Raises Conflict."""
    quoted = f'%"{channel_id}"%'
    named = unit.rows(_naming(unit.dialect), quoted=quoted)
    if named:
        raise Conflict(f"the rule {named[0][0]} names this channel")
    give_up(unit, channel_id, "the channel was deleted")
    unit.execute(sa.delete(n.channels).where(_one()), channel_id=channel_id)


def _check_name(unit: Unit, name: str, own: str | None) -> None:
    rows = unit.rows(_read(unit.dialect, "name"), value=name)
    if rows and rows[0][0] != own:
        raise Conflict(f"there is a channel {name} already")


def _one() -> sa.ColumnElement[bool]:
    return n.channels.c.id == sa.bindparam("channel_id", type_=t.Uuid)


@cache
def _naming(dialect: Dialect) -> sa.Select[Any]:
    c = n.rules.c
    like = c.channel_ids.like(sa.bindparam("quoted", type_=t.Text))
    return dialect.read(sa.select(c.name).where(like).limit(1))


@cache
def _read(dialect: Dialect, column: str) -> sa.Select[Any]:
    asked = n.channels.c[column]
    return dialect.read(
        sa.select(*n.channels.c).where(asked == sa.bindparam("value", type_=asked.type))
    )


@cache
def _page(dialect: Dialect) -> sa.Select[Any]:
    c = n.channels.c
    found = sa.select(*c).where(c.id > sa.bindparam("after", type_=t.Uuid)).order_by(c.id)
    return dialect.read(found.limit(sa.bindparam("limit", type_=t.Integer)))
