"""The audit's chain: each line's digest covers the line and the digest before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

MASK = "********"
GENESIS = hashlib.sha256(b"tenure audit").hexdigest()
"""The digest before the first line."""


class Line(NamedTuple):
    """One line of the audit as stored. `at` in microseconds, `before` and `after` JSON text.

    `place` counts the chain from 1 and comes with `digest`, a moment after the line was written.
    """

    id: str
    at: int
    action: str
    actor_id: str | None
    actor: str | None
    role: str | None
    token_id: str | None
    address: str | None
    target: str | None
    target_id: str | None
    reason: str | None
    before: str | None
    after: str | None
    place: int | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """How far the chain goes: the place and digest of its last line."""

    place: int = 0
    digest: str = GENESIS

    def __str__(self) -> str:
        return f"{self.place}:{self.digest}"


def digest(previous: str, line: Line) -> str:
    """The digest of a line that stands behind one with the digest `previous`."""
    text = json.dumps([previous, *line[: Line._fields.index("place")]], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def chained(head: Head, lines: Iterable[Line]) -> list[tuple[str, int, str]]:
    """(id, place, digest) for lines that go behind `head`, in their order."""
    found: list[tuple[str, int, str]] = []
    before = head.digest
    for place, line in enumerate(lines, head.place + 1):
        before = digest(before, line)
        found.append((line.id, place, before))
    return found


def breaks(before: Head, lines: Iterable[Line]) -> list[str]:
    """What is wrong with lines that follow `before` in the chain, in words; [] when nothing is.

    After a break the chain is taken up again as it stands, so that one change is told once.
    """
    found: list[str] = []
    at = before
    for line in lines:
        place, stands = line.place or 0, line.digest or ""
        if place != at.place + 1:
            gap = f"{at.place + 1}" if place == at.place + 2 else f"{at.place + 1} to {place - 1}"
            found.append(f"audit line {gap} is missing")
        elif digest(at.digest, line) != stands:
            found.append(f"audit line {place} ({line.id}) is not as it was written")
        at = Head(place, stands)
    return found


def masked(values: Mapping[str, Any], secret: Iterable[str]) -> dict[str, Any]:
    """`values` with those named in `secret` hidden, unless there is none."""
    hidden = frozenset(secret)
    return {
        name: MASK if name in hidden and value is not None else value
        for name, value in values.items()
    }
