"""API tokens and worker tokens: only their digests are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

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
