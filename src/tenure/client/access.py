"""Accounts and tokens as both clients offer them: `client.accounts`."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Any, TypedDict, Unpack

from tenure.client.call import Call, Run, RunAwaited, nothing, path, reads
from tenure.client.paging import items, items_awaited
from tenure.client.submission import encode_value
from tenure.wire.access import LoggedIn, Me, NewToken, Token, User
from tenure.wire.base import Page

_me = reads(Me)
_logged_in = reads(LoggedIn)
_user = reads(User)
_users = reads(Page[User])
_token = reads(NewToken)
_tokens = reads(Page[Token])


class UserFields(TypedDict, total=False):
    """An account to be: a name or an e-mail, or both. `role`: "user" (the default), "viewer" or
    "admin". Without a password nobody can log in by one."""

    name: str | None
    email: str | None
    password: str | None
    role: str


class TokenFields(TypedDict, total=False):
    """`kind`: "api" (the default) or "worker". `scopes` narrow what its user may, `queues` what its
    workers may serve. `expires` from now; never without it."""

    kind: str
    scopes: Sequence[str] | None
    queues: Sequence[str] | None
    expires: timedelta | float | None


def me() -> Call[Me]:
    """Who asks."""
    return Call("GET", path("auth", "me"), _me, repeatable=True)


def login(name: str, password: str) -> Call[LoggedIn]:
    """A pair of tokens for a name or e-mail and its password."""
    return Call("POST", path("auth", "login"), _logged_in, _body(name=name, password=password))


def refresh(refresh_token: str) -> Call[LoggedIn]:
    """The next pair of tokens. Not repeatable: a refresh token is good once."""
    return Call("POST", path("auth", "refresh"), _logged_in, _body(refresh_token=refresh_token))


def logout(refresh_token: str) -> Call[None]:
    """End a login."""
    return Call(
        "POST", path("auth", "logout"), nothing, _body(refresh_token=refresh_token), repeatable=True
    )


def change_password(current: str, new: str) -> Call[LoggedIn]:
    """Another password for oneself, and a new pair of tokens."""
    body = _body(current_password=current, new_password=new)
    return Call("POST", path("auth", "password"), _logged_in, body)


def users(limit: int, after: str | None) -> Call[Page[User]]:
    """A page of users."""
    return Call("GET", path("users", limit=limit, after=after), _users, repeatable=True)


def user(who: str) -> Call[User]:
    """A user by id, name or e-mail."""
    return Call("GET", path("users", who), _user, repeatable=True)


def add_user(fields: UserFields) -> Call[User]:
    """Make an account."""
    return Call("POST", path("users"), _user, _body(**fields))


def change_user(who: str, role: str | None, disabled: bool | None) -> Call[User]:
    """Another role, locked out or let in again."""
    body = _body(role=role, disabled=disabled)
    return Call("PATCH", path("users", who), _user, body, repeatable=True)


def reset_password(who: str, password: str) -> Call[User]:
    """Set somebody's password."""
    return Call("POST", path("users", who, "password"), _user, _body(password=password))


def delete_user(who: str) -> Call[None]:
    """Delete an account."""
    return Call("DELETE", path("users", who), nothing)


def tokens(limit: int, after: str | None) -> Call[Page[Token]]:
    """A page of tokens."""
    return Call("GET", path("tokens", limit=limit, after=after), _tokens, repeatable=True)


def create_token(name: str, fields: TokenFields) -> Call[NewToken]:
    """Make a token."""
    told: dict[str, Any] = {**fields}
    expires = told.pop("expires", None)
    if expires is not None:
        seconds = expires.total_seconds() if isinstance(expires, timedelta) else expires
        told["expires_in_seconds"] = int(seconds)
    return Call("POST", path("tokens"), _token, _body(name=name, **told))


def revoke_token(token_id: str) -> Call[None]:
    """Void a token."""
    return Call("DELETE", path("tokens", token_id), nothing)


def _body(**fields: Any) -> bytes:
    told = {name: value for name, value in fields.items() if value is not None}
    return encode_value(told, "")


class Accounts:
    """Who one is, and, for administrators, who others are. `who`: an id, a name or an e-mail."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def me(self) -> Me:
        """Who this client is to the coordinator. Raises Unauthenticated."""
        return self._run(me())

    def change_password(self, current: str, new: str) -> LoggedIn:
        """Change one's own password; every other login of it ends. Raises Unauthenticated."""
        return self._run(change_password(current, new))

    def users(self) -> Sequence[User]:
        """All users, oldest first. Raises Forbidden, as all below, without the permission."""
        return list(items(self._run, users))

    def user(self, who: str) -> User:
        """One user. Raises UserNotFound."""
        return self._run(user(who))

    def add_user(self, **fields: Unpack[UserFields]) -> User:
        """Make an account. Raises Conflict when the name or e-mail is taken."""
        return self._run(add_user(fields))

    def change_user(
        self, who: str, *, role: str | None = None, disabled: bool | None = None
    ) -> User:
        """Give another role, lock out or let in again: bites within a second. Raises UserNotFound,
        Conflict for the last administrator."""
        return self._run(change_user(who, role, disabled))

    def reset_password(self, who: str, password: str) -> User:
        """Set somebody's password; every login of it ends. Raises UserNotFound."""
        return self._run(reset_password(who, password))

    def delete_user(self, who: str) -> None:
        """Delete an account with its logins and tokens; what it owns stays. Raises UserNotFound,
        Conflict for the last administrator."""
        self._run(delete_user(who))

    def tokens(self) -> Sequence[Token]:
        """One's own tokens, oldest first; for administrators all."""
        return list(items(self._run, tokens))

    def create_token(self, name: str, **fields: Unpack[TokenFields]) -> NewToken:
        """Make a token, which is told only now. See `TokenFields`. Raises Forbidden when it could
        do more than its maker."""
        return self._run(create_token(name, fields))

    def revoke_token(self, token_id: str) -> None:
        """Void a token and the sessions of workers that came with it. Raises TokenNotFound."""
        self._run(revoke_token(token_id))


class AsyncAccounts:
    """`Accounts`, awaited."""

    def __init__(self, run: RunAwaited) -> None:
        self._run = run

    def me(self) -> Awaitable[Me]:
        """See `Accounts.me`."""
        return self._run(me())

    def change_password(self, current: str, new: str) -> Awaitable[LoggedIn]:
        """See `Accounts.change_password`."""
        return self._run(change_password(current, new))

    async def users(self) -> Sequence[User]:
        """See `Accounts.users`."""
        return [item async for item in items_awaited(self._run, users)]

    def user(self, who: str) -> Awaitable[User]:
        """See `Accounts.user`."""
        return self._run(user(who))

    def add_user(self, **fields: Unpack[UserFields]) -> Awaitable[User]:
        """See `Accounts.add_user`."""
        return self._run(add_user(fields))

    def change_user(
        self, who: str, *, role: str | None = None, disabled: bool | None = None
    ) -> Awaitable[User]:
        """See `Accounts.change_user`."""
        return self._run(change_user(who, role, disabled))

    def reset_password(self, who: str, password: str) -> Awaitable[User]:
        """See `Accounts.reset_password`."""
        return self._run(reset_password(who, password))

    def delete_user(self, who: str) -> Awaitable[None]:
        """See `Accounts.delete_user`."""
        return self._run(delete_user(who))

    async def tokens(self) -> Sequence[Token]:
        """See `Accounts.tokens`."""
        return [item async for item in items_awaited(self._run, tokens)]

    def create_token(self, name: str, **fields: Unpack[TokenFields]) -> Awaitable[NewToken]:
        """See `Accounts.create_token`."""
        return self._run(create_token(name, fields))

    def revoke_token(self, token_id: str) -> Awaitable[None]:
        """See `Accounts.revoke_token`."""
        return self._run(revoke_token(token_id))
