"""From a token to who asks."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from tenure.coordinator import credentials
from tenure.domain.access import Kind, Permission, Principal, Role, narrowed
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import Unauthenticated
from tenure.store import tokens as store
from tenure.store.reader import Reader

Kept = TypeVar("Kept")

REMEMBERED = 9 * SECOND // 10
"""Microseconds for which an answer of the store stands: a change bites within a second."""
MAX_REMEMBERED = 10_000

_SCOPES = msgspec.json.Decoder(list[Permission])
_QUEUES = msgspec.json.Decoder(list[str])


class Memory(Generic[Kept]):
    """What was found lately, by key; bounded in time and number."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[int, Kept]] = {}

    def get(self, key: str) -> Kept | None:
        """What was kept under `key`, while it stands."""
        found = self._kept.get(key)
        if found is None or found[0] <= self._clock.monotonic():
            return None
        return found[1]

    def keep(self, key: str, value: Kept, asked: int, expires_at: int | None = None) -> None:
        """Keep what the store answered when it was asked at `asked` (monotonic microseconds),
        never beyond the instant `expires_at`."""
        if len(self._kept) >= MAX_REMEMBERED and key not in self._kept:
            self._kept.clear()
        until = asked + REMEMBERED
        if expires_at is not None:
            until = min(until, self._clock.monotonic() + expires_at - self._clock.now())
        self._kept[key] = (until, value)


class Authentication:
    """Tells who asks, from a bearer token. Answers of the store stand for less than a second."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._known: Memory[Principal] = Memory(clock)

    def known(self, token: str) -> Principal | None:
        """Who asks, if that was found lately."""
        return self._known.get(token)

    async def find(self, token: str) -> Principal:
        """Who asks. Raises Unauthenticated."""
        asked = self._clock.monotonic()
        if not credentials.is_token(token):
            raise Unauthenticated("this is no token of this installation")
        wanted = credentials.digest(token)
        holder = await self._reader.run(lambda unit: store.holder_of(unit, wanted))
        if holder is None or holder.disabled:
            raise Unauthenticated("the token is unknown, or was revoked")
        if holder.expires_at is not None and holder.expires_at <= self._clock.now():
            raise Unauthenticated("the token has expired")
        found = _principal(holder)
        self._known.keep(token, found, asked, holder.expires_at)
        return found


def _principal(holder: store.Holder) -> Principal:
    kind = Kind(holder.kind)
    if kind is Kind.WORKER_TOKEN:
        queues = None if holder.queues is None else frozenset(_QUEUES.decode(holder.queues))
        return Principal(Role.WORKER, holder.id, holder.token_name, kind, queues=queues)
    if holder.role is None:
        raise Unauthenticated("the token is unknown, or was revoked")
    return Principal(
        Role(holder.role),
        holder.user_id,
        holder.name or holder.email or "",
        kind,
        None if holder.scopes is None else narrowed(_SCOPES.decode(holder.scopes)),
    )
