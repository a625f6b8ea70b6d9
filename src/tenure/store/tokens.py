"""API tokens and worker tokens: only their digests are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.errors import TokenNotFound
from tenure.store import tables as t
from tenure.store import tables_access as ta
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit, json_text


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to be. `digest`: SHA-256 of the token, hex. `user_id` None: a worker token.

    `scopes` and `queues` None: not narrowed. `expires_at` in microseconds, None: never.
    """

    id: str
    kind: str
    name: str
    digest: str
    user_id: str | None
    scopes: Sequence[str] | None = None
    queues: Sequence[str] | None = None
    expires_at: int | None = None


class Holder(NamedTuple):
    """A token and the user it is of, whose columns are None for a worker token.

    `scopes` and `queues` as JSON text, instants in microseconds.
    """

    id: str
    kind: str
    token_name: str
    scopes: str | None
    queues: str | None
    expires_at: int | None
    last_used_at: int | None
    user_id: str | None
    name: str | None
    email: str | None
    role: str | None
    disabled: int | None


class TokenRow(NamedTuple):
    """A token; `scopes` and `queues` as JSON text, instants in microseconds."""

    id: str
    kind: str
    name: str
    user_id: str | None
    scopes: str | None
    queues: str | None
    created_at: int
    expires_at: int | None
    last_used_at: int | None


def add_token(unit: Unit, token: NewToken) -> None:
    """Insert a token. Its id and digest are new."""
    unit.execute(
        sa.insert(ta.api_tokens),
        id=token.id,
        kind=token.kind,
        name=token.name,
        digest=token.digest,
        user_id=token.user_id,
        scopes=None if token.scopes is None else json_text(list(token.scopes)),
        queues=None if token.queues is None else json_text(list(token.queues)),
        created_at=unit.now,
        expires_at=token.expires_at,
        last_used_at=None,
    )


def holder_of(unit: Unit, digest: str) -> Holder | None:
    """Whose the token with this digest is, whatever its expiry. One index each."""
    rows = unit.rows(_read_holder(unit.dialect, "digest"), value=digest)
    return Holder._make(rows[0]) if rows else None


def holder_by_id(unit: Unit, token_id: str) -> Holder | None:
    """As `holder_of`, by the token's id."""
    rows = unit.rows(_read_holder(unit.dialect, "id"), value=token_id)
    return Holder._make(rows[0]) if rows else None


def touch(unit: Unit, token_id: str) -> None:
    """Note that a token is in use."""
    unit.execute(_touch(), token_id=token_id, now=unit.now)


def list_tokens(unit: Unit, user_id: str | None, after: str, limit: int) -> list[TokenRow]:
    """Up to `limit` tokens beyond the token `after`, by id; of one user, or (None) all."""
    if user_id is None:
        rows = unit.rows(_page(unit.dialect, True), after=after, limit=limit)
    else:
        rows = unit.rows(_page(unit.dialect, False), after=after, limit=limit, user_id=user_id)
    return [TokenRow._make(row) for row in rows]


def revoke(unit: Unit, token_id: str, user_id: str | None) -> None:
    """Delete a token, with `user_id` only one of that user. Raises TokenNotFound."""
    holder = holder_by_id(unit, token_id)
    if holder is None or user_id not in (None, holder.user_id):
        raise TokenNotFound(f"there is no token {token_id}")
    unit.execute(_delete(), token_id=token_id)


def _one() -> sa.ColumnElement[bool]:
    return ta.api_tokens.c.id == sa.bindparam("token_id", type_=t.Uuid)


@cache
def _touch() -> sa.Executable:
    now = sa.bindparam("now", type_=t.Micros)
    return sa.update(ta.api_tokens).where(_one()).values(last_used_at=now)


@cache
def _delete() -> sa.Executable:
    return sa.delete(ta.api_tokens).where(_one())


@cache
def _page(dialect: Dialect, everybody: bool) -> sa.Select[Any]:
    c = ta.api_tokens.c
    found = sa.select(*(c[name] for name in TokenRow._fields)).where(
        c.id > sa.bindparam("after", type_=t.Uuid)
    )
    if not everybody:
        found = found.where(c.user_id == sa.bindparam("user_id", type_=t.Uuid))
    return dialect.read(found.order_by(c.id).limit(sa.bindparam("limit", type_=t.Integer)))


@cache
def _read_holder(dialect: Dialect, column: str) -> sa.Select[Any]:
    a, u = ta.api_tokens.c, ta.users.c
    kept = a[column]
    return dialect.read(
        sa.select(
            a.id, a.kind, a.name.label("token_name"), a.scopes, a.queues, a.expires_at,
            a.last_used_at, a.user_id, u.name, u.email, u.role, u.disabled,
        )
        .join_from(ta.api_tokens, ta.users, u.id == a.user_id, isouter=True)
        .where(kept == sa.bindparam("value", type_=kept.type))
    )  # fmt: skip
