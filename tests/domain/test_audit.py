"""The chain of the audit, by itself."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tenure.domain.audit import GENESIS, MASK, Head, Line, breaks, chained, digest, masked


def _line(number: int, **changes: Any) -> Line:
    line = Line(
        f"id-{number}", number, "job.delete", "u1", "ann", "admin", None, "192.0.2.1", "job",
        f"j{number}", "because", None, '{"a":1}',
    )  # fmt: skip
    return line._replace(**changes)


def _chain(count: int, head: Head = Head()) -> list[Line]:  # noqa: B008 - it is frozen
    lines = [_line(number) for number in range(head.place + 1, head.place + count + 1)]
    return [
        line._replace(place=place, digest=said)
        for line, (_, place, said) in zip(lines, chained(head, lines), strict=True)
    ]


def test_a_chain_as_it_was_written_has_no_break() -> None:
    lines = _chain(20)
    assert breaks(Head(), lines) == []
    middle = Head(lines[6].place or 0, lines[6].digest or "")
    assert breaks(middle, lines[7:]) == []
    assert [line.place for line in lines] == list(range(1, 21))
    assert _chain(7) + _chain(13, middle) == lines


@pytest.mark.parametrize("field", Line._fields)
def test_any_change_of_any_field_is_found(field: str) -> None:
    lines = _chain(5)
    change: Any = 99 if field in ("at", "place") else "other"
    lines[2] = lines[2]._replace(**{field: change})
    assert breaks(Head(), lines)


def test_null_and_text_are_told_apart() -> None:
    pairs = [
        (_line(1, reason=None), _line(1, reason="null")),
        (_line(1, reason=""), _line(1, reason=None)),
        (_line(1, actor="ab", role="c"), _line(1, actor="a", role="bc")),
        (_line(1, actor='a","b'), _line(1, actor="a", role="b")),
    ]
    for one, other in pairs:
        assert digest(GENESIS, one) != digest(GENESIS, other)


def test_a_removed_line_is_found_and_told_once() -> None:
    lines = _chain(9)
    assert breaks(Head(), lines[:4] + lines[5:]) == ["audit line 5 is missing"]
    assert breaks(Head(), lines[:2] + lines[5:]) == ["audit line 3 to 5 is missing"]
    assert breaks(Head(), lines[1:]) == ["audit line 1 is missing"]


def test_an_inserted_or_moved_line_is_found() -> None:
    lines = _chain(6)
    forged = _line(99, place=4, digest=lines[3].digest)
    assert breaks(Head(), [*lines[:3], forged, *lines[4:]])
    lines[1], lines[2] = (
        lines[2]._replace(place=2),
        lines[1]._replace(place=3),
    )
    assert breaks(Head(), lines)


def test_every_single_fault_of_many_is_found() -> None:
    draw = random.Random(7)
    for _ in range(200):
        lines = _chain(12)
        place = draw.randrange(11)
        if draw.random() < 0.5:
            del lines[place]
        else:
            lines[place] = lines[place]._replace(after=f'{{"a":{draw.random()}}}')
        assert len(breaks(Head(), lines)) == 1


def test_secrets_are_masked_and_nothing_else() -> None:
    values = {"token": "abc", "secret_key": None, "host": "x"}
    assert masked(values, ["token", "secret_key"]) == {
        "token": MASK, "secret_key": None, "host": "x",
    }  # fmt: skip
