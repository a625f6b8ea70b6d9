"""From a token to who asks."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import msgspec

from tenure.coordinator import credentials
from tenure.coordinator.memory import Memory
from tenure.coordinator.signing import MAX_TOKEN, SESSION, Issuer, Signer, WorkerSession
from tenure.domain.access import LOCAL_ADMIN, Kind, Permission, Principal, Role, narrowed
from tenure.domain.clock import MINUTE, Clock
from tenure.domain.errors import TenureError, Unauthenticated, UserNotFound
from tenure.domain.ids import is_id
from tenure.store import accounts, sessions, tokens
from tenure.store.committer import Committer
from tenure.store.reader import Reader

_SCOPES = msgspec.json.Decoder(list[Permission])
_QUEUES = msgspec.json.Decoder(list[str])
_REFUSED = "this is no token of this installation"
_UNKNOWN = "the token is unknown, or was revoked"


class _Found(NamedTuple):
    """Who asks, and until when (monotonic microseconds) that stands."""

    principal: Principal
    until: int


class Authentication:
    """Tells who asks, from a bearer token. Answers of the store stand for less than a second."""

    def __init__(self, committer: Committer, reader: Reader, clock: Clock, signer: Signer) -> None:
        self._committer = committer
        self._reader = reader
        self._clock = clock
        self._signer = signer
        self._known: Memory[Principal] = Memory(clock)
        self._issuers: Memory[_Found] = Memory(clock)

    def known(self, token: str) -> Principal | None:
        """Who asks, if that was found lately."""
        return self._known.get(token)

    def forget(self) -> None:
        """Something was changed here: that bites at once, and elsewhere within a second."""
        self._known.forget()
        self._issuers.forget()

    async def find(self, token: str) -> Principal:
        """Who asks. Raises Unauthenticated."""
        if len(token) > MAX_TOKEN:
            raise Unauthenticated(_REFUSED)
        if token.startswith(SESSION):
            found = await self._worker(self._signer.read_session(token))
        elif credentials.is_token(token):
            digest = credentials.digest(token)
            asked = self._clock.monotonic()
            holder = await self._reader.run(lambda unit: tokens.holder_of(unit, digest))
            found = await self._of_token(holder, asked)
        else:
            found = await self._user(token)
        self._known.keep(token, *found)
        return found.principal

    async def _user(self, token: str) -> _Found:
        access = self._signer.read_access(token)
        asked = self._clock.monotonic()
        if not (is_id(access.user_id) and is_id(access.family)):
            raise Unauthenticated(_REFUSED)
        user = await self._reader.run(
            lambda unit: sessions.user_of(unit, access.user_id, access.family)
        )
        if user is None or user.version != access.version:
            raise Unauthenticated("the login has ended, log in again")
        return _Found(_person(user), self._known.stands_until(asked, access.expires_at))

    async def _worker(self, session: WorkerSession) -> _Found:
        """A worker is as good as what it registered with."""
        key = f"{session.issuer}:{session.issuer_id}"
        issuer = self._issuers.get(key)
        if issuer is None:
            issuer = await self._issuer(session)
            self._issuers.keep(key, issuer, issuer.until)
        by = issuer.principal
        worker = Principal(
            Role.WORKER, session.worker_id, by.name, Kind.WORKER, None, by.queues, by.token_id
        )
        return _Found(worker, issuer.until)

    async def _issuer(self, session: WorkerSession) -> _Found:
        asked, issuer_id = self._clock.monotonic(), session.issuer_id
        if session.issuer is Issuer.LOCAL or issuer_id is None:
            raise Unauthenticated("this worker registered while nobody was asked: register again")
        if session.issuer is Issuer.TOKEN:
            holder = await self._reader.run(lambda unit: tokens.holder_by_id(unit, issuer_id))
            found = await self._of_token(holder, asked)
        else:
            try:
                user = await self._reader.run(lambda unit: accounts.get_user(unit, issuer_id))
            except UserNotFound:
                raise Unauthenticated(_UNKNOWN) from None
            found = _Found(_person(user), self._issuers.stands_until(asked))
        if not found.principal.may(Permission.WORK):
            raise Unauthenticated("what this worker registered with may not work any more")
        return found

    async def _of_token(self, holder: tokens.Holder | None, asked: int) -> _Found:
        if holder is None or holder.disabled:
            raise Unauthenticated(_UNKNOWN)
        now = self._clock.now()
        if holder.expires_at is not None and holder.expires_at <= now:
            raise Unauthenticated("the token has expired")
        if holder.last_used_at is None or holder.last_used_at < now - MINUTE:
            with suppress(TenureError):  # to know that is good, to let the caller in is better
                await self._committer.run(lambda unit: tokens.touch(unit, holder.id))
        return _Found(_bearer(holder), self._known.stands_until(asked, holder.expires_at))


def issued_by(principal: Principal, worker_id: str) -> WorkerSession:
    """The session of a worker that this caller registers."""
    if principal == LOCAL_ADMIN:
        return WorkerSession(worker_id, Issuer.LOCAL, None)
    if principal.token_id is not None:
        return WorkerSession(worker_id, Issuer.TOKEN, principal.token_id)
    return WorkerSession(worker_id, Issuer.USER, principal.id)


def _person(user: accounts.UserRow) -> Principal:
    if user.disabled:
        raise Unauthenticated(_UNKNOWN)
    return Principal(Role(user.role), user.id, user.name or user.email or "")


def _bearer(holder: tokens.Holder) -> Principal:
    kind = Kind(holder.kind)
    if kind is Kind.WORKER_TOKEN:
        queues = None if holder.queues is None else frozenset(_QUEUES.decode(holder.queues))
        return Principal(
            Role.WORKER, holder.id, holder.token_name, kind, None, queues, token_id=holder.id
        )
    if holder.role is None:
        raise Unauthenticated(_UNKNOWN)
    return Principal(
        Role(holder.role),
        holder.user_id,
        holder.name or holder.email or "",
        kind,
        None if holder.scopes is None else narrowed(_SCOPES.decode(holder.scopes)),
        token_id=holder.id,
    )
