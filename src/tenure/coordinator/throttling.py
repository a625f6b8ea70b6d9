"""How often somebody may knock: a pace per address, and a wait that doubles with each failure.

Kept in this coordinator's memory, bounded; several coordinators each allow as much. An attempt
counts as failed until it is known to be good, so that a thousand at once get no further than a
thousand in a row.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from typing import Generic, TypeVar

from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import TooMany
from tenure.settings import Limits

MAX_KEPT = 20_000
"""Entries of each kind; the one used longest ago goes first."""
MAX_ACCOUNT = 200
_MINUTE = 60 * SECOND
_HOUR = 60 * _MINUTE
_FORGET = 15 * _MINUTE

Kept = TypeVar("Kept")


class Door(StrEnum):
    """What is knocked at."""

    LOGIN = "login"
    REFRESH = "refresh"
    REGISTER = "register"


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `quota` in `window` microseconds, all at once or spread."""

    quota: int
    window: int

    @property
    def step(self) -> int:
        return self.window // self.quota


@dataclass(frozen=True, slots=True)
class Backoff:
    """After `free` failures the next attempt waits a second, then two, four, up to `cap`
    microseconds. A quarter of an hour without an attempt forgets them."""

    free: int
    cap: int

    def wait(self, failures: int) -> int:
        over = failures - self.free
        return 0 if over < 0 else int(min(SECOND * 2 ** min(over, 32), self.cap))


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a pace is left: `remaining` at once, all of it again in `reset_seconds`."""

    door: Door
    quota: int
    window_seconds: int
    remaining: int
    reset_seconds: int


@dataclass(slots=True)
class _Failures:
    number: int = 0
    until: int = 0
    last: int = 0


class _Memory(Generic[Kept]):
    """The last MAX_KEPT entries, by key."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def get(self, key: str) -> Kept | None:
        return self._kept.get(key)

    def keep(self, key: str, value: Kept) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def drop(self, key: str) -> None:
        self._kept.pop(key, None)

    def __len__(self) -> int:
        return len(self._kept)


class Throttle:
    """Use from one event loop."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._paces = {
            Door.LOGIN: Pace(limits.logins, _MINUTE),
            Door.REFRESH: Pace(limits.refreshes, _MINUTE),
            Door.REGISTER: Pace(limits.registrations, _HOUR),
        }
        # An account can be slowed down by anybody, an address only by itself.
        self._account = Backoff(limits.failed_logins, _MINUTE)
        self._address = Backoff(4 * limits.failed_logins, 15 * _MINUTE)
        self._taken: _Memory[int] = _Memory()
        self._failures: _Memory[_Failures] = _Memory()

    def admit(self, door: Door, address: str, account: str | None = None) -> Standing:
        """Let one attempt in. Raises TooMany with the seconds to wait.

        With `account`, a name as it was typed, the attempt counts as failed until `succeeded`.
        """
        now = self._clock.monotonic()
        keys = self._keys(address, account) if account is not None else ()
        for key, _ in keys:
            found = self._failures.get(key)
            if found is not None and found.until > now:
                raise _too_many(found.until - now)
        standing = self._take(door, _whence(address), now)
        for key, backoff in keys:
            self._note_failure(key, backoff, now)
        return standing

    def standing(self, door: Door, address: str) -> Standing:
        """How much of the pace an address has left."""
        now = self._clock.monotonic()
        taken = max(self._taken.get(f"{door}:{_whence(address)}") or 0, now)
        return self._standing(door, taken, now)

    def succeeded(self, address: str, account: str) -> None:
        """The attempt was good: the account starts anew, its address has one failure less."""
        for key, backoff in self._keys(address, account):
            found = self._failures.get(key)
            if found is None:
                continue
            if backoff is self._account or found.number <= 1:
                self._failures.drop(key)
            else:
                found.number -= 1
                found.until = 0

    def __len__(self) -> int:
        """How many entries are kept."""
        return len(self._taken) + len(self._failures)

    def _keys(self, address: str, account: str) -> tuple[tuple[str, Backoff], ...]:
        name = account.strip().casefold()[:MAX_ACCOUNT]
        return (
            (f"account:{name}", self._account),
            (f"address:{_whence(address)}", self._address),
        )

    def _take(self, door: Door, whence: str, now: int) -> Standing:
        pace = self._paces[door]
        taken = max(self._taken.get(f"{door}:{whence}") or 0, now) + pace.step
        if taken - now > pace.window:
            raise _too_many(taken - now - pace.window)
        self._taken.keep(f"{door}:{whence}", taken)
        return self._standing(door, taken, now)

    def _standing(self, door: Door, taken: int, now: int) -> Standing:
        pace = self._paces[door]
        return Standing(
            door,
            pace.quota,
            pace.window // SECOND,
            max((pace.window - (taken - now)) // pace.step, 0),
            -(-(taken - now) // SECOND),
        )

    def _note_failure(self, key: str, backoff: Backoff, now: int) -> None:
        found = self._failures.get(key)
        if found is None or now - found.last > _FORGET:
            found = _Failures()
        found.number += 1
        found.last = now
        found.until = now + backoff.wait(found.number)
        self._failures.keep(key, found)


def _too_many(wait: int) -> TooMany:
    seconds = wait / SECOND
    return TooMany(f"too many attempts, wait {seconds:.0f} s", retry_after=max(seconds, 1.0))


def _whence(address: str) -> str:
    """Whose address it is: with IPv6 one caller commands a whole /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        return str(IPv6Address(int(found) >> 64 << 64))
    return str(found)
