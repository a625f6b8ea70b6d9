"""Idempotency keys: who holds them, and the statements that take them."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.errors import IdempotencyMismatch
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


def take_key(unit: Unit, owner: str, key: str, digest: str, id_: str) -> str:
    """Take an Idempotency-Key for a request that makes `id_`, which is answered; or what the same
    request made before. Locks the key. Raises IdempotencyMismatch."""
    unit.execute(take_keys(unit.dialect), [(owner, key, digest, id_, None, unit.now)])
    [(_, _, held_digest, held_id, _)] = unit.rows(held_keys(unit.dialect), [(owner, key)])
    if held_digest != digest:
        raise IdempotencyMismatch("Idempotency-Key was used before with another request")
    return str(held_id)


@cache
def drop_keys(dialect: Dialect) -> sa.Executable:
    """Delete a batch of (owner, key)."""
    c = t.idempotency_keys.c
    batch = dialect.batch(c.owner, c.key)
    return sa.delete(t.idempotency_keys).where(
        sa.tuple_(c.owner, c.key).in_(sa.select(batch.c.owner, batch.c.key))
    )


@cache
def take_keys(dialect: Dialect) -> sa.Executable:
    """Insert a batch of whole rows ascending by key, those that are taken left out."""
    c = t.idempotency_keys.c
    columns = (c.owner, c.key, c.digest, c.job_id, c.answer, c.created_at)
    batch = dialect.batch(*columns)
    return (
        dialect.upsert(t.idempotency_keys)
        .from_select(
            [column.name for column in columns],
            sa.select(*batch.c).where(sa.true()).order_by(batch.c.owner, batch.c.key),
        )
        .on_conflict_do_nothing()
    )


@cache
def held_keys(dialect: Dialect) -> sa.Select[Any]:
    """Read a batch of (owner, key): these, digest, job and answer."""
    c = t.idempotency_keys.c
    batch = dialect.batch(c.owner, c.key)
    return dialect.read(
        sa.select(c.owner, c.key, c.digest, c.job_id, c.answer).join_from(
            batch, t.idempotency_keys, sa.and_(c.owner == batch.c.owner, c.key == batch.c.key)
        )
    )
