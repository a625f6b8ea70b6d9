"""Logins that go on: families of refresh tokens, each token good for one use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store import tables_access as ta
from tenure.store.accounts import UserRow
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


@dataclass(frozen=True, slots=True)
class NewRefresh:
    """A refresh token to be: its SHA-256 in hex, and when it ends (microseconds)."""

    digest: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """A refresh token was used: the user and the family it is of. `reused`: not for the first
    time, so that the family has ended."""

    user: UserRow
    family_id: str
    reused: bool = False


def open_session(unit: Unit, known: UserRow, family_id: str, refresh: NewRefresh) -> UserRow | None:
    """Begin a family for a user that proved who it is when it was as `known`; the user, or None
    when it has changed since. Locks the user against changes."""
    user = _lock_user(unit, known.id)
    if user is None or user.disabled or user.version != known.version:
        return None
    _add(unit, user.id, family_id, refresh)
    unit.execute(_note_login(), user_id=user.id, now=unit.now)
    return user


def rotate(unit: Unit, digest: str, refresh: NewRefresh) -> Rotated | None:
    """Use a refresh token, putting `refresh` in its place; None when it is unknown or too old.

    One that was used before ends its whole family: somebody else has a copy. Locks the user
    against changes, then the token.
    """
    found = unit.rows(_read(unit.dialect), token=digest)
    user = _lock_user(unit, found[0][0]) if found else None
    locked = unit.rows(_lock(unit.dialect), token=digest) if user is not None else []
    if user is None or not locked or user.disabled:
        return None
    family_id, expires_at, used_at = locked[0]
    if used_at is not None:
        end_family(unit, family_id)
        return Rotated(user, family_id, reused=True)
    if expires_at <= unit.now:
        return None
    unit.execute(_use(), token=digest, now=unit.now)
    _add(unit, user.id, family_id, refresh)
    return Rotated(user, family_id)


def end_family(unit: Unit, family_id: str) -> None:
    """Void every refresh token of a login, and the access tokens made from it. Repeatable."""
    unit.execute(_end(), family_id=family_id)


def family_of(unit: Unit, digest: str) -> str | None:
    """The login that a refresh token descends from."""
    rows = unit.rows(_read(unit.dialect), token=digest)
    return str(rows[0][1]) if rows else None


def user_of(unit: Unit, user_id: str, family_id: str) -> UserRow | None:
    """The user of a login that has not ended."""
    rows = unit.rows(_read_user(unit.dialect), user_id=user_id, family_id=family_id)
    return UserRow._make(rows[0]) if rows else None


def prune_sessions(unit: Unit, before: int, limit: int = 500) -> int:
    """Delete refresh tokens that ended before an instant (microseconds); how many it was."""
    deleted: int = unit.execute(_prune(), before=before, limit=limit).rowcount
    return deleted


def _add(unit: Unit, user_id: str, family_id: str, refresh: NewRefresh) -> None:
    unit.execute(
        sa.insert(ta.refresh_tokens),
        digest=refresh.digest,
        family_id=family_id,
        user_id=user_id,
        created_at=unit.now,
        expires_at=refresh.expires_at,
        used_at=None,
    )


def _lock_user(unit: Unit, user_id: str) -> UserRow | None:
    rows = unit.rows(_share_user(unit.dialect), user_id=user_id)
    return UserRow._make(rows[0]) if rows else None


def _columns() -> list[Any]:
    return [ta.users.c[name] for name in UserRow._fields]


@cache
def _share_user(dialect: Dialect) -> sa.Select[Any]:
    asked = sa.bindparam("user_id", type_=t.Uuid)
    # Not only shared: `open_session` writes the row, and two logins would wait for each other.
    return dialect.read(
        sa.select(*_columns())
        .where(ta.users.c.id == asked)
        .with_for_update(of=ta.users, key_share=True)
    )


@cache
def _note_login() -> sa.Executable:
    c = ta.users.c
    return (
        sa.update(ta.users)
        .where(c.id == sa.bindparam("user_id", type_=t.Uuid))
        .values(last_login_at=sa.bindparam("now", type_=t.Micros))
    )


def _this() -> sa.ColumnElement[bool]:
    return ta.refresh_tokens.c.digest == sa.bindparam("token", type_=t.Text)


@cache
def _read(dialect: Dialect) -> sa.Select[Any]:
    c = ta.refresh_tokens.c
    return dialect.read(sa.select(c.user_id, c.family_id).where(_this()))


@cache
def _lock(dialect: Dialect) -> sa.Select[Any]:
    c = ta.refresh_tokens.c
    columns = (c.family_id, c.expires_at, c.used_at)
    return dialect.read(sa.select(*columns).where(_this()).with_for_update())


@cache
def _use() -> sa.Executable:
    now = sa.bindparam("now", type_=t.Micros)
    return sa.update(ta.refresh_tokens).where(_this()).values(used_at=now)


@cache
def _end() -> sa.Executable:
    c = ta.refresh_tokens.c
    return sa.delete(ta.refresh_tokens).where(
        c.family_id == sa.bindparam("family_id", type_=t.Uuid)
    )


@cache
def _read_user(dialect: Dialect) -> sa.Select[Any]:
    c = ta.refresh_tokens.c
    alive = sa.exists().where(
        c.family_id == sa.bindparam("family_id", type_=t.Uuid), c.user_id == ta.users.c.id
    )
    asked = sa.bindparam("user_id", type_=t.Uuid)
    return dialect.read(sa.select(*_columns()).where(ta.users.c.id == asked, alive))


@cache
def _prune() -> sa.Executable:
    c = ta.refresh_tokens.c
    old = (
        sa.select(c.digest)
        .where(c.expires_at < sa.bindparam("before", type_=t.Micros))
        .order_by(c.digest)
        .limit(sa.bindparam("limit", type_=t.Integer))
        .with_for_update(skip_locked=True)
    )
    return sa.delete(ta.refresh_tokens).where(c.digest.in_(old))
