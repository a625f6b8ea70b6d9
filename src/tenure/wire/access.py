"""Users, logins and tokens over HTTP."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tenure.domain.access import Permission, Role
from tenure.domain.clock import SECOND
from tenure.wire.base import Input, Instant, Output, Text, Time, Word

MAX_PASSWORD = 128
"""Characters. Longer ones only cost time to hash."""
MIN_PASSWORD = 8

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_EMAIL = re.compile(r"[^\s@\x00-\x20\x7f]{1,64}@[^\s@\x00-\x20\x7f]{1,189}")
_YEAR_SECONDS = 366 * 86_400


def _name(value: str) -> str:
    value = value.lower()
    if not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits and . _ - , and begin with none of these")
    return value


def _email(value: str) -> str:
    value = value.lower()
    if not _EMAIL.fullmatch(value):
        raise ValueError("must be an e-mail address")
    return value


Name = Annotated[Text, Field(max_length=64), AfterValidator(_name)]
Email = Annotated[Text, Field(max_length=254), AfterValidator(_email)]
Password = Annotated[Text, Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)]
Secret = Annotated[Text, Field(min_length=1, max_length=200)]
PersonRole = Literal[Role.ADMIN, Role.USER, Role.VIEWER]
Scope = Literal[
    Permission.READ,
    Permission.SUBMIT,
    Permission.EXECUTE,
    Permission.CONTROL,
    Permission.SCRIPT,
    Permission.WORK,
    Permission.ACCOUNT,
    Permission.ADMINISTER,
]


class _Person(Input):
    """Somebody with a name, an e-mail, or both. `username` is another word for `name`."""

    name: Name | None = None
    username: Name | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.name is not None and self.username is not None:
            raise ValueError("give name or username, not both")
        if self.called is None and self.email is None:
            raise ValueError("give an email or a name")
        return self

    @property
    def called(self) -> str | None:
        """The name, by either word."""
        return self.username if self.name is None else self.name


class SignUpIn(_Person):
    """A person makes an account. The role is not asked: it is `user`."""

    password: Password


class UserIn(_Person):
    """An administrator makes an account. Without a password it cannot log in by one."""

    password: Password | None = None
    role: PersonRole = Role.USER


class UserEditIn(Input):
    """What an administrator changes of an account."""

    role: PersonRole | None = None
    disabled: Annotated[bool, Field(strict=True)] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.role is None and self.disabled is None:
            raise ValueError("name at least one field to change")
        return self


class LoginIn(Input):
    """Who it is, by e-mail or name in any of these fields, and the password."""

    email: Annotated[Text, Field(min_length=1, max_length=254)] | None = None
    name: Annotated[Text, Field(min_length=1, max_length=254)] | None = None
    username: Annotated[Text, Field(min_length=1, max_length=254)] | None = None
    password: Annotated[Text, Field(min_length=1, max_length=MAX_PASSWORD)]

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.email, self.name, self.username)) != 1:
            raise ValueError("give one of email, name and username")
        return self

    @property
    def login(self) -> str:
        """Whichever was given, in lower case."""
        return (self.email or self.name or self.username or "").lower()


class RefreshIn(Input):
    refresh_token: Secret


class LogoutIn(Input):
    """The login to end; without it the one of the access token that is sent along."""

    refresh_token: Secret | None = None


class PasswordIn(Input):
    """One's own password is changed."""

    current_password: Annotated[Text, Field(min_length=1, max_length=MAX_PASSWORD)]
    new_password: Password


class ResetIn(Input):
    """An administrator sets somebody's password."""

    password: Password


class TokenIn(Input):
    """A token to be made: for a program that acts as the caller, or for workers.

    `scopes` narrows what its role permits, `queues` (worker tokens) what its workers may serve.
    """

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    kind: Literal["api", "worker"] = "api"
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=20)] | None = None
    queues: Annotated[tuple[Word, ...], Field(min_length=1, max_length=100)] | None = None
    expires_at: Instant | None = None
    expires_in_seconds: Annotated[int, Field(ge=1, le=100 * _YEAR_SECONDS, strict=True)] | None = (
        None
    )

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.expires_at is not None and self.expires_in_seconds is not None:
            raise ValueError("give expires_at or expires_in_seconds, not both")
        if self.kind == "api" and self.queues is not None:
            raise ValueError("queues goes with the kind worker")
        if self.kind == "worker" and self.scopes is not None:
            raise ValueError("scopes goes with the kind api: a worker token only lets workers in")
        return self

    def ends_at(self, now: int) -> int | None:
        """When it expires (microseconds), None for never."""
        if self.expires_in_seconds is not None:
            return now + self.expires_in_seconds * SECOND
        return self.expires_at


class LoggedIn(Output, kw_only=True):
    """`token` is sent as `Authorization: Bearer`, and lives `expires_in` seconds. `refresh_token`
    buys the next pair, once."""

    token: str
    refresh_token: str
    expires_in: int
    user_id: str
    email: str | None
    role: str


class User(Output, kw_only=True):
    """An account. `role`: admin, user or viewer."""

    id: str
    name: str | None
    email: str | None
    role: str
    disabled: bool
    has_password: bool
    created_at: Time
    last_login_at: Time | None = None


class Me(Output, kw_only=True):
    """Who asks, and by what. `kind`: local (nobody is asked), user, api_token, worker_token or
    worker. `permissions`: what may be done."""

    id: str | None
    name: str
    email: str | None
    role: str
    kind: str
    permissions: list[str]
    queues: list[str] | None = None


class Token(Output, kw_only=True):
    """A token, without itself. `kind`: api or worker. `user_id` is null for a worker token."""

    id: str
    kind: str
    name: str
    user_id: str | None
    scopes: list[str] | None
    queues: list[str] | None
    created_at: Time
    expires_at: Time | None = None
    last_used_at: Time | None = None


class NewToken(Token, kw_only=True):
    """A token that was just made; `token` is told only here."""

    token: str
