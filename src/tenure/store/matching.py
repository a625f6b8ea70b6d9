"""From the outbox to deliveries: which rules what happened meets, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from tenure.domain.clock import rfc3339
from tenure.domain.grammar import parse
from tenure.domain.ids import IdSource
from tenure.domain.notification import RECOVERED, Standing, Told, Topic, meet, recovers_at
from tenure.domain.query import Query
from tenure.store import tables as t
from tenure.store import tables_notify as n
from tenure.store.conditions import columns, condition
from tenure.store.deliveries import Message, enqueue
from tenure.store.dialect import Dialect
from tenure.store.rules import RuleRow
from tenure.store.subjects import facts
from tenure.store.unit import Unit, json_text

MATCH_AT_ONCE = 500
_ids: msgspec.json.Decoder[list[str]] = msgspec.json.Decoder(list[str])
_hits: msgspec.json.Decoder[tuple[int, ...]] = msgspec.json.Decoder(tuple[int, ...])
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class _Posted(NamedTuple):
    """What happened, as the outbox has it."""

    id: str
    at: int
    topic: str
    subject_id: str
    detail: str | None


def waits(unit: Unit) -> bool:
    """Whether `match` has something to do."""
    return bool(unit.rows(_waits(unit.dialect), now=unit.now)[0][0])


def match(unit: Unit, limit: int = MATCH_AT_ONCE) -> int:
    """Turn up to `limit` rows of the outbox, oldest first, into deliveries; how many it was. Then
    say which troubles are over.

    Locks the rows SKIP LOCKED, then every rule ascending by id, so coordinators take turns. A
    fixed number of statements, and one for each filter.
    """
    posted = [_Posted._make(row) for row in unit.rows(_posted(unit.dialect), limit=limit)]
    rules = [RuleRow._make(row) for row in unit.rows(_rules(unit.dialect))]
    said = _Said(unit, posted)
    changed = [
        row
        for rule in rules
        if (row := _apply(unit, rule, _meeting(unit, rule, posted), said)) != rule
    ]
    enqueue(unit, said.messages)
    if changed:
        unit.execute(_remember(unit.dialect), [_remembered(rule) for rule in changed])
    if posted:
        unit.execute(_delete(unit.dialect), [(row.id,) for row in posted])
    return len(posted)


class _Said:
    """The messages of one round. Facts are read when the first message needs them."""

    def __init__(self, unit: Unit, posted: list[_Posted]) -> None:
        self._unit = unit
        self._posted = posted
        self._open = {row[0] for row in unit.rows(_open(unit.dialect))}
        self._facts: dict[str, dict[str, dict[str, Any]]] = {}
        self.messages: list[Message] = []

    def happened(self, rule: RuleRow, row: _Posted, told: Told) -> None:
        kind = Topic(row.topic).kind
        detail = _any.decode(row.detail) if row.detail else {}
        about = {"id": row.subject_id} | detail | self._fact(kind, row.subject_id)
        data = {"rule": rule.name, "count": told.count, "suppressed": told.suppressed, kind: about}
        self._say(rule, row.topic, row.at, data)

    def recovered(self, rule: RuleRow) -> None:
        since = None if rule.told_at is None else rfc3339(rule.told_at)
        data = {"rule": rule.name, "since": since}
        self._say(rule, f"{rule.topic}.{RECOVERED}", self._unit.now, data)

    def _say(self, rule: RuleRow, topic: str, at: int, data: Mapping[str, Any]) -> None:
        body = json_text({"type": topic, "timestamp": rfc3339(at), "data": data})
        channels = [one for one in _ids.decode(rule.channel_ids) if one in self._open]
        ids = IdSource().make(self._unit.now, len(channels))
        self.messages += [
            Message(id_, channel_id, rule.name, topic, body)
            for id_, channel_id in zip(ids, channels, strict=True)
        ]

    def _fact(self, kind: str, subject_id: str) -> dict[str, Any]:
        if kind not in self._facts:
            of_kind = {row.subject_id for row in self._posted if Topic(row.topic).kind == kind}
            self._facts[kind] = facts(self._unit, kind, of_kind)
        return self._facts[kind].get(subject_id, {})


def _meeting(unit: Unit, rule: RuleRow, posted: list[_Posted]) -> list[_Posted]:
    """What of it the rule is about."""
    found = [row for row in posted if row.topic == rule.topic]
    if not found or rule.filter is None:
        return found
    fitting = _fitting(unit, parse(rule.filter, unit.now), {row.subject_id for row in found})
    return [row for row in found if row.subject_id in fitting]


def _apply(unit: Unit, rule: RuleRow, found: Iterable[_Posted], said: _Said) -> RuleRow:
    """The rule as it stands after this."""
    terms = rule.terms
    standing = Standing(
        _hits.decode(rule.hits), rule.last_hit, rule.told_at, rule.suppressed,
        rule.recovers_at is not None,
    )  # fmt: skip
    for row in found:
        standing, told = meet(terms, standing, row.at)
        if told is not None:
            said.happened(rule, row, told)
    over_at = recovers_at(terms, standing)
    if over_at is not None and over_at <= unit.now:
        said.recovered(rule._replace(told_at=standing.told_at))
        over_at = None
    return rule._replace(
        hits=json_text(standing.hits),
        last_hit=standing.last_hit,
        told_at=standing.told_at,
        suppressed=standing.suppressed,
        recovers_at=over_at,
    )


_REMEMBERED = ("id", "hits", "last_hit", "told_at", "suppressed", "recovers_at")


def _remembered(rule: RuleRow) -> tuple[Any, ...]:
    return tuple(getattr(rule, name) for name in _REMEMBERED)


def _fitting(unit: Unit, query: Query, job_ids: set[str]) -> set[str]:
    rows = unit.rows(_read_fitting(unit.dialect, query), [(id_,) for id_ in sorted(job_ids)])
    return {row[0] for row in rows}


@lru_cache(maxsize=64)
def _read_fitting(dialect: Dialect, query: Query) -> sa.Select[Any]:
    j = t.jobs.c
    batch = dialect.batch(j.id)
    joined = sa.select(j.id, *columns(query)).join_from(batch, t.jobs, j.id == batch.c.id)
    shown = joined.cte("shown").prefix_with("MATERIALIZED", dialect="postgresql")
    clauses = (condition(dialect, shown, clause) for clause in query.rest)
    return dialect.read(sa.select(shown.c.id).where(*clauses))


@cache
def _waits(dialect: Dialect) -> sa.Select[Any]:
    posted = sa.exists(sa.select(n.outbox.c.id))
    over = n.rules.c.recovers_at <= sa.bindparam("now", type_=t.Micros)
    recovered = sa.exists(sa.select(n.rules.c.id).where(over))
    return dialect.read(sa.select(sa.case((sa.or_(posted, recovered), 1), else_=0).label("waits")))


@cache
def _posted(dialect: Dialect) -> sa.Select[Any]:
    c = n.outbox.c
    limit = sa.bindparam("limit", type_=t.Integer)
    locked = (
        sa.select(*c)
        .order_by(c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(sa.select(*locked.c).order_by(locked.c.id))


@cache
def _rules(dialect: Dialect) -> sa.Select[Any]:
    c = n.rules.c
    locked = (
        sa.select(*c)
        .where(c.enabled == 1)
        .order_by(c.id)
        .with_for_update()
        .cte("locked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return dialect.read(sa.select(*locked.c).order_by(locked.c.id))


@cache
def _open(dialect: Dialect) -> sa.Select[Any]:
    return dialect.read(sa.select(n.channels.c.id).where(n.channels.c.disabled_at.is_(None)))


@cache
def _delete(dialect: Dialect) -> sa.Executable:
    batch = dialect.batch(n.outbox.c.id)
    return sa.delete(n.outbox).where(n.outbox.c.id.in_(sa.select(batch.c.id)))


@cache
def _remember(dialect: Dialect) -> sa.Executable:
    c = n.rules.c
    batch = dialect.batch(*(c[name] for name in _REMEMBERED))
    return (
        sa.update(n.rules)
        .where(c.id == batch.c.id)
        .values({name: batch.c[name] for name in _REMEMBERED[1:]})
    )
