"""Users: who they are, what they may, and how they prove it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.errors import Conflict
from tenure.store import tables as t
from tenure.store import tables_access as ta
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be. `name` and `email` in lower case, one of them given; `password` as argon2id
    made it, None for a user who cannot log in by password."""

    id: str
    name: str | None
    email: str | None
    role: str
    password: str | None


class UserRow(NamedTuple):
    """A user; instants in microseconds."""

    id: str
    name: str | None
    email: str | None
    role: str
    password: str | None
    disabled: int
    version: int
    created_at: int
    last_login_at: int | None


def add_user(unit: Unit, user: NewUser) -> None:
    """Insert a user. Raises Conflict, before any write, when the name or e-mail is taken.

    Two coordinators that add the same at once are told apart by the unique indexes.
    """
    for column, value in (("name", user.name), ("email", user.email)):
        if value is not None and unit.rows(_find(unit.dialect, column), value=value):
            raise Conflict(f"{column}: {value} is taken")
    added = unit.execute(
        _insert(unit.dialect),
        [
            (
                user.id, user.name, user.email, user.role, user.password, 0, 1, unit.now, None,
            )
        ],
    )  # fmt: skip
    if added.rowcount == 0:
        raise Conflict("name or email is taken")


def find_user(unit: Unit, login: str) -> UserRow | None:
    """The user of an e-mail (it has an @) or a name, in lower case."""
    column = "email" if "@" in login else "name"
    rows = unit.rows(_find(unit.dialect, column), value=login)
    return UserRow._make(rows[0]) if rows else None


@cache
def _find(dialect: Dialect, column: str) -> sa.Select[Any]:
    asked = sa.bindparam("value", type_=t.Text)
    return dialect.read(sa.select(*_columns()).where(ta.users.c[column] == asked))


@cache
def _insert(dialect: Dialect) -> sa.Executable:
    batch = dialect.batch(*_columns())
    return (
        dialect.upsert(ta.users)
        .from_select(UserRow._fields, sa.select(*batch.c).where(sa.true()))
        .on_conflict_do_nothing()
    )


def _columns() -> tuple[Any, ...]:
    return tuple(ta.users.c[name] for name in UserRow._fields)
