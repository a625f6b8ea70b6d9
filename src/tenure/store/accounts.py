"""Users: who they are, what they may, and how they prove it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.access import Role
from tenure.domain.errors import Conflict, UserNotFound
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


def get_user(unit: Unit, user_id: str) -> UserRow:
    """One user. Raises UserNotFound."""
    rows = unit.rows(_find(unit.dialect, "id"), value=user_id)
    if not rows:
        raise UserNotFound(f"there is no user {user_id}")
    return UserRow._make(rows[0])


def list_users(unit: Unit, after: str, limit: int) -> list[UserRow]:
    """Up to `limit` users beyond the user `after`, by id, which is order of creation."""
    return [UserRow._make(row) for row in unit.rows(_page(unit.dialect), after=after, limit=limit)]


def has_admin(unit: Unit) -> bool:
    """Whether somebody may administer."""
    return bool(unit.rows(_admins(unit.dialect)))


def change_user(
    unit: Unit, user_id: str, role: str | None = None, disabled: bool | None = None
) -> UserRow:
    """Give a user another role, lock it out or let it in again; the user as it then is.

    A change voids the user's access tokens, locking out its sessions too. Repeatable. Locks the
    user and all administrators in order of id. Raises UserNotFound, Conflict for the last
    administrator.
    """
    user = _lock(unit, user_id, keeps_admin=role in (None, Role.ADMIN) and not disabled)
    wanted = (role or user.role, user.disabled if disabled is None else int(disabled))
    if wanted != (user.role, user.disabled):
        unit.execute(_change(), user_id=user_id, wanted_role=wanted[0], wanted_disabled=wanted[1])
    if disabled:
        end_sessions(unit, user_id)
    return get_user(unit, user_id)


def set_password(unit: Unit, user_id: str, password: str, known: UserRow | None = None) -> UserRow:
    """Set a password's hash; access tokens and sessions made before are void. The user as it then
    is. `known`: as it was when it proved who it is. Locks the user. Raises UserNotFound, and
    Conflict when it has changed since."""
    user = _lock(unit, user_id, keeps_admin=True)
    if known is not None and (user.version, user.password) != (known.version, known.password):
        raise Conflict("the account was changed meanwhile")
    unit.execute(_set_password(1), user_id=user_id, hash=password)
    end_sessions(unit, user_id)
    return get_user(unit, user_id)


def rehash(unit: Unit, user: UserRow, password: str) -> None:
    """Keep the same password under a newer hash, if nobody changed it meanwhile."""
    unit.execute(_set_password(0), user_id=user.id, hash=password, known=user.password)


def delete_user(unit: Unit, user_id: str) -> None:
    """Delete a user with its sessions and API tokens; what it owns stays. Locks the user and all
    administrators. Raises UserNotFound, Conflict for the last administrator."""
    _lock(unit, user_id, keeps_admin=False)
    end_sessions(unit, user_id)
    for table, column in ((ta.api_tokens, "user_id"), (ta.users, "id")):
        unit.execute(_delete(table, column), user_id=user_id)


def end_sessions(unit: Unit, user_id: str) -> None:
    """Void every refresh token of a user, and the access tokens made from them. Repeatable."""
    unit.execute(_delete(ta.refresh_tokens, "user_id"), user_id=user_id)


def _lock(unit: Unit, user_id: str, *, keeps_admin: bool) -> UserRow:
    rows = [UserRow._make(row) for row in unit.rows(_lock_users(unit.dialect), user_id=user_id)]
    admins = [row.id for row in rows if row.role == Role.ADMIN and not row.disabled]
    found = [row for row in rows if row.id == user_id]
    if not found:
        raise UserNotFound(f"there is no user {user_id}")
    if not keeps_admin and admins == [user_id]:
        raise Conflict("the last administrator stays")
    return found[0]


@cache
def _lock_users(dialect: Dialect) -> sa.Select[Any]:
    asked = sa.bindparam("user_id", type_=t.Uuid)
    return dialect.read(
        sa.select(*_columns())
        .where(sa.or_(ta.users.c.id == asked, _ADMINISTERS))
        .order_by(ta.users.c.id)
        .with_for_update(of=ta.users)
    )


_ADMINISTERS = sa.and_(
    ta.users.c.role == sa.literal_column("'admin'"),
    ta.users.c.disabled == sa.literal_column("0"),
)


@cache
def _admins(dialect: Dialect) -> sa.Select[Any]:
    return dialect.read(sa.select(ta.users.c.id).where(_ADMINISTERS).limit(1))


@cache
def _page(dialect: Dialect) -> sa.Select[Any]:
    return dialect.read(
        sa.select(*_columns())
        .where(ta.users.c.id > sa.bindparam("after", type_=t.Uuid))
        .order_by(ta.users.c.id)
        .limit(sa.bindparam("limit", type_=t.Integer))
    )


def _one() -> sa.ColumnElement[bool]:
    return ta.users.c.id == sa.bindparam("user_id", type_=t.Uuid)


@cache
def _change() -> sa.Executable:
    return (
        sa.update(ta.users)
        .where(_one())
        .values(
            role=sa.bindparam("wanted_role", type_=t.Text),
            disabled=sa.bindparam("wanted_disabled", type_=t.Integer),
            version=ta.users.c.version + sa.literal_column("1"),
        )
    )


@cache
def _set_password(step: int) -> sa.Executable:
    c = ta.users.c
    update = sa.update(ta.users).where(_one())
    if step == 0:
        update = update.where(c.password == sa.bindparam("known", type_=t.Text))
    return update.values(
        password=sa.bindparam("hash", type_=t.Text),
        version=c.version + sa.literal_column(str(step)),
    )


@cache
def _delete(table: sa.Table, column: str) -> sa.Executable:
    return sa.delete(table).where(table.c[column] == sa.bindparam("user_id", type_=t.Uuid))


@cache
def _find(dialect: Dialect, column: str) -> sa.Select[Any]:
    kept = ta.users.c[column]
    asked = sa.bindparam("value", type_=kept.type)
    return dialect.read(sa.select(*_columns()).where(kept == asked))


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
