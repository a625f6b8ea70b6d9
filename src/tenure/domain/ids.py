"""Ids: UUIDv7 (RFC 9562 section 5.7) as lower-case text.

Ids made by one process strictly grow, so an index on them is appended to and an id's order is its
time of creation to the millisecond.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

_PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PREFIX = re.compile(r"[0-9a-f-]{4,36}")
_COUNTER_BITS = 42  # rand_a (12) and the first 30 bits of rand_b count, the last 32 are random


class IdSource:
    """Makes ids. Not for use by several threads at once.

    `random_bits(n)` gives n random bits; tests pass their own.
    """

    def __init__(self, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._random_bits = random_bits
        self._millisecond = -1
        self._counter = 0

    def make(self, now: int, count: int = 1) -> list[str]:
        """`count` ids in strictly growing order for `now` (microseconds since 1970).

        A clock that steps back keeps the former millisecond and counts on; RFC 9562 section 6.2,
        method 1 (fixed-length dedicated counter).
        """
        millisecond = now // 1000
        if millisecond > self._millisecond:
            self._millisecond = millisecond
            self._counter = self._random_bits(_COUNTER_BITS - 1)
        random = self._random_bits(32)
        made = []
        for _ in range(count):
            self._counter += 1
            if self._counter >> _COUNTER_BITS:
                self._millisecond += 1
                self._counter = self._random_bits(_COUNTER_BITS - 1)
            random = (random * 0x9E3779B1 + 0x7F4A7C15) & 0xFFFFFFFF
            high = self._counter >> 30
            middle = self._counter & 0x3FFFFFFF
            made.append(
                f"{self._millisecond >> 16:08x}-{self._millisecond & 0xFFFF:04x}-7{high:03x}"
                f"-{0x8000 | middle >> 16:04x}-{middle & 0xFFFF:04x}{random:08x}"
            )
        return made

    def one(self, now: int) -> str:
        """One id; see `make`."""
        return self.make(now)[0]


def is_id(text: str) -> bool:
    """Whether `text` is an id in the only form that is stored: 36 characters, lower case."""
    return _PATTERN.fullmatch(text) is not None


def is_id_prefix(text: str) -> bool:
    """Whether `text` may be the start of an id: 4 to 36 of its characters."""
    return _PREFIX.fullmatch(text) is not None


def created_at(id_: str) -> int:
    """The millisecond inside an id, as microseconds since 1970."""
    return int(id_[:8] + id_[9:13], 16) * 1000


def first_at(now: int) -> str:
    """The smallest id that `IdSource` can make at or after `now` (microseconds since 1970)."""
    millisecond = max(now, 0) // 1000
    return f"{millisecond >> 16:08x}-{millisecond & 0xFFFF:04x}-7000-8000-000000000000"
