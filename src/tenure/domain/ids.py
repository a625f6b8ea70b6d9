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
            self._restart(millisecond)
        width = 8 * count
        random = f"{self._random_bits(4 * width):0{width}x}"
        made: list[str] = []
        while len(made) < count:
            prefix, first = self._take_prefix()
            # As many as share the prefix: the last 16 bits of the counter, then 32 random ones.
            last = min(first + count - len(made), 0x10000)
            self._counter += last - first
            start = 8 * len(made) - 8 * first
            made += [
                f"{prefix}{low:04x}{random[start + 8 * low : start + 8 * low + 8]}"
                for low in range(first, last)
            ]
        return made

    def _take_prefix(self) -> tuple[str, int]:
        """What ids share until the last 16 bits of the counter turn over, and those bits next."""
        if self._counter + 1 >> _COUNTER_BITS:
            self._restart(self._millisecond + 1)
        time, counter = self._millisecond, self._counter + 1
        middle = 0x8000 | counter >> 16 & 0x3FFF
        prefix = f"{time >> 16:08x}-{time & 0xFFFF:04x}-7{counter >> 30:03x}-{middle:04x}-"
        return prefix, counter & 0xFFFF

    def _restart(self, millisecond: int) -> None:
        self._millisecond = millisecond
        self._counter = self._random_bits(_COUNTER_BITS - 1)

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
