"""Deliveries: each message to each channel, tried until it arrived or a day is over.

Whoever claims a delivery has `CLAIM` to send it; when it dies meanwhile, the next claim sends it
again under the same id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.errors import IllegalTransition, NotFound
from tenure.domain.ids import is_id
from tenure.domain.notification import Answer, DeliveryState, next_attempt
from tenure.store import tables as t
from tenure.store import tables_notify as n
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit

CLAIM = 60 * SECOND


class DeliveryRow(NamedTuple):
    """A delivery; instants in microseconds. `channel` is null when it was deleted."""

    id: str
    channel_id: str
    rule: str | None
    topic: str
    body: str
    state: str
    attempts: int
    next_at: int
    status: int | None
    response: str | None
    error: str | None
    created_at: int
    finished_at: int | None
    channel: str | None


class Claimed(NamedTuple):
    """A delivery to be sent now, and where to. `attempts` counts this one."""

    id: str
    attempts: int
    body: str
    channel_id: str
    kind: str
    target: str
    secret: str | None
    old_secret: str | None
    old_secret_until: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent. `body` is JSON; `rule` None: a test."""

    id: str
    channel_id: str
    rule: str | None
    topic: str
    body: str


def enqueue(unit: Unit, messages: Sequence[Message]) -> None:
    """Store messages, due now, in one statement. Locks nothing."""
    if messages:
        rows = [
            (m.id, m.channel_id, m.rule, m.topic, m.body, "pending", 0, unit.now, unit.now)
            for m in messages
        ]
        unit.execute(_insert(unit.dialect), rows)


def next_due(unit: Unit, busy: Sequence[str] = ()) -> int | None:
    """When the next delivery is due (microseconds), over channels that are not `busy`. One index
    seek, which passes over what waits for those."""
    rows = unit.rows(_first(unit.dialect), list(busy))
    return rows[0][0] if rows else None


def claim(unit: Unit, limit: int, busy: Sequence[str] = ()) -> list[Claimed]:
    """Take up to `limit` due deliveries over channels that are not `busy`, those due longest
    first. Locks them SKIP LOCKED."""
    rows = unit.rows(_due(unit.dialect), list(busy), now=unit.now, limit=limit)
    found = [Claimed._make(row) for row in rows]
    if found:
        taken = [(one.id, one.attempts + 1, unit.now + CLAIM) for one in found]
        unit.execute(_take(unit.dialect), taken)
    return [one._replace(attempts=one.attempts + 1) for one in found]


def conclude(unit: Unit, claimed: Claimed, answer: Answer, random: float) -> DeliveryState:
    """Note what came of an attempt. Nothing, when somebody else has it by now."""
    state, at = DeliveryState.PENDING, unit.now
    if answer.ok:
        state = DeliveryState.DELIVERED
    else:
        later = next_attempt(claimed.attempts, unit.now, random, answer.retry_after)
        if answer.gone or later is None:
            state = DeliveryState.FAILED
        else:
            at = later
    unit.execute(
        _conclude(),
        delivery_id=claimed.id,
        tried=claimed.attempts,
        ended=state.value,
        due=at,
        told=answer.status,
        said=answer.response,
        wrong=answer.error,
        done_at=None if state is DeliveryState.PENDING else unit.now,
    )
    return state


def give_up(unit: Unit, channel_id: str, reason: str) -> None:
    """Whatever waits for a channel has failed."""
    unit.execute(_give_up(), of=channel_id, wrong=reason, done_at=unit.now)


def replay(unit: Unit, delivery_id: str) -> None:
    """Send a delivery again, from now and as if for the first time, under its id.

    Raises NotFound, and IllegalTransition when its channel is disabled or deleted.
    """
    row = get_delivery(unit, delivery_id)
    usable = unit.rows(_usable(unit.dialect), of=row.channel_id)
    if not usable:
        raise IllegalTransition("its channel is disabled or deleted")
    unit.execute(_replay(), delivery_id=delivery_id, due=unit.now)


def get_delivery(unit: Unit, delivery_id: str) -> DeliveryRow:
    """One delivery. Raises NotFound."""
    rows = unit.rows(_read(unit.dialect), id=delivery_id) if is_id(delivery_id) else []
    if not rows:
        raise NotFound(f"there is no delivery {delivery_id[:100]}")
    return DeliveryRow._make(rows[0])


def list_deliveries(
    unit: Unit, wanted: Mapping[str, str], below: str, limit: int
) -> list[DeliveryRow]:
    """Up to `limit` deliveries below an id, newest first; `wanted`: `state`, `channel_id`."""
    statement = _page(unit.dialect, frozenset(wanted))
    params: dict[str, Any] = {**wanted, "below": below, "limit": limit}
    rows = unit.rows(statement, **params)
    return [DeliveryRow._make(row) for row in rows]


@cache
def _insert(dialect: Dialect) -> sa.Executable:
    c = n.deliveries.c
    columns = (
        c.id, c.channel_id, c.rule, c.topic, c.body, c.state, c.attempts, c.next_at, c.created_at,
    )  # fmt: skip
    batch = dialect.batch(*columns)
    names = [column.name for column in columns]
    return sa.insert(n.deliveries).from_select(names, sa.select(*batch.c))


@cache
def _first(dialect: Dialect) -> sa.Select[Any]:
    c = n.deliveries.c
    first = sa.select(c.next_at).where(n.PENDING, _idle(dialect)).order_by(c.next_at).limit(1)
    return dialect.read(first)


def _idle(dialect: Dialect) -> sa.ColumnElement[bool]:
    """The channel is none of the batch."""
    busy = dialect.batch(n.channels.c.id)
    return n.deliveries.c.channel_id.not_in(sa.select(busy.c.id))


@cache
def _due(dialect: Dialect) -> sa.Select[Any]:
    d, c = n.deliveries.c, n.channels.c
    locked = (
        sa.select(
            d.id, d.attempts, d.body, d.channel_id, c.kind, c.target, c.secret, c.old_secret,
            c.old_secret_until,
        )
        .join_from(n.deliveries, n.channels, c.id == d.channel_id)
        .where(n.PENDING, d.next_at <= sa.bindparam("now", type_=t.Micros), _idle(dialect))
        .order_by(d.next_at, d.id)
        .limit(sa.bindparam("limit", type_=t.Integer))
        .with_for_update(of=n.deliveries, skip_locked=True)
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )  # fmt: skip
    return dialect.read(sa.select(*locked.c))


@cache
def _take(dialect: Dialect) -> sa.Executable:
    c = n.deliveries.c
    batch = dialect.batch(c.id, c.attempts, c.next_at)
    return (
        sa.update(n.deliveries)
        .where(c.id == batch.c.id)
        .values(attempts=batch.c.attempts, next_at=batch.c.next_at)
    )


def _one() -> sa.ColumnElement[bool]:
    return n.deliveries.c.id == sa.bindparam("delivery_id", type_=t.Uuid)


@cache
def _conclude() -> sa.Executable:
    tried = n.deliveries.c.attempts == sa.bindparam("tried", type_=t.Integer)
    return (
        sa.update(n.deliveries)
        .where(_one(), n.PENDING, tried)
        .values(
            state=sa.bindparam("ended", type_=t.Text),
            next_at=sa.bindparam("due", type_=t.Micros),
            status=sa.bindparam("told", type_=t.Integer),
            response=sa.bindparam("said", type_=t.Text),
            error=sa.bindparam("wrong", type_=t.Text),
            finished_at=sa.bindparam("done_at", type_=t.Micros),
        )
    )


@cache
def _give_up() -> sa.Executable:
    return (
        sa.update(n.deliveries)
        .where(n.deliveries.c.channel_id == sa.bindparam("of", type_=t.Uuid), n.PENDING)
        .values(
            state=DeliveryState.FAILED.value,
            error=sa.bindparam("wrong", type_=t.Text),
            finished_at=sa.bindparam("done_at", type_=t.Micros),
        )
    )


@cache
def _usable(dialect: Dialect) -> sa.Select[Any]:
    c = n.channels.c
    own = c.id == sa.bindparam("of", type_=t.Uuid)
    return dialect.read(sa.select(c.id).where(own, c.disabled_at.is_(None)))


@cache
def _replay() -> sa.Executable:
    return (
        sa.update(n.deliveries)
        .where(_one())
        .values(
            state=DeliveryState.PENDING.value,
            attempts=0,
            next_at=sa.bindparam("due", type_=t.Micros),
            finished_at=None,
        )
    )


def _shown() -> sa.Select[Any]:
    d, c = n.deliveries.c, n.channels.c
    joined = sa.select(*d, c.name.label("channel"))
    return joined.join_from(n.deliveries, n.channels, c.id == d.channel_id, isouter=True)


@cache
def _read(dialect: Dialect) -> sa.Select[Any]:
    return dialect.read(_shown().where(n.deliveries.c.id == sa.bindparam("id", type_=t.Uuid)))


@cache
def _page(dialect: Dialect, wanted: frozenset[str]) -> sa.Select[Any]:
    c = n.deliveries.c
    found = _shown().where(c.id < sa.bindparam("below", type_=t.Uuid))
    for name in sorted(wanted):
        found = found.where(c[name] == sa.bindparam(name, type_=c[name].type))
    return dialect.read(found.order_by(c.id.desc()).limit(sa.bindparam("limit", type_=t.Integer)))
