"""Passwords: argon2id, off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tenure.domain.errors import TooMany

Result = TypeVar("Result")

MAX_WAITING = 256
"""Passwords that wait to be hashed; more are refused."""
_MEMORY_KIB = 19_456
_PASSES = 2
_LANES = 1


class Verdict(NamedTuple):
    """`newer`: the same password under the parameters of today, when its hash is older."""

    good: bool
    newer: str | None = None


class Passwords:
    """Hashes and checks passwords. At most half of the processors work on it, the event loop and
    the store keep the others. Raises TooMany when too many wait."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(
            time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES
        )
        self._turns = asyncio.Semaphore(max(1, (os.cpu_count() or 1) // 2))
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """What is kept of a password."""
        return await self._apart(lambda: self._hasher.hash(password))

    async def check(self, kept: str | None, password: str) -> Verdict:
        """Whether this is the password. With nothing kept it takes as long, and is not: how long
        an answer takes does not tell who is known."""
        return await self._apart(lambda: self._check(kept, password))

    def _check(self, kept: str | None, password: str) -> Verdict:
        try:
            self._hasher.verify(kept or self._dummy, password)
        except (VerificationError, InvalidHashError):
            return Verdict(False)
        if kept is None:
            return Verdict(False)
        newer = self._hasher.check_needs_rehash(kept)
        return Verdict(True, self._hasher.hash(password) if newer else None)

    @cached_property
    def _dummy(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())

    async def _apart(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= MAX_WAITING:
            raise TooMany("too many logins at a time", retry_after=1.0)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
