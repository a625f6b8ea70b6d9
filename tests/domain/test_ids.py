from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain import ids
from tenure.domain.ids import IdSource

NOW = 1_700_000_000_123_456
LAST_INSTANT = (1 << 48) * 1000 - 1


def _bits(value: int) -> Callable[[int], int]:
    return lambda count: value & ((1 << count) - 1)


def test_an_id_is_a_uuid_of_version_seven() -> None:
    made = uuid.UUID(IdSource().one(NOW))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == NOW // 1000


@given(st.lists(st.tuples(st.integers(0, LAST_INSTANT), st.integers(1, 50)), max_size=20))
def test_ids_of_one_source_strictly_grow_whatever_the_clock_does(
    calls: list[tuple[int, int]],
) -> None:
    source = IdSource()
    made = [one for now, count in calls for one in source.make(now, count)]
    assert made == sorted(set(made))
    assert all(ids.is_id(one) and uuid.UUID(one).version == 7 for one in made)


def test_a_full_counter_moves_to_the_next_millisecond() -> None:
    source = IdSource(_bits((1 << 42) - 1))
    first = source.one(NOW)
    source._counter = (1 << 42) - 1
    second = source.one(NOW)
    assert second > first
    assert ids.created_at(second) == ids.created_at(first) + 1000


def test_two_sources_differ() -> None:
    assert IdSource().one(NOW) != IdSource().one(NOW)


def test_nothing_asked_nothing_made() -> None:
    assert IdSource().make(NOW, 0) == []


def test_the_time_inside_is_that_of_its_making() -> None:
    assert ids.created_at(IdSource().one(NOW)) == NOW // 1000 * 1000


@given(now=st.integers(0, LAST_INSTANT), bits=st.integers(0, (1 << 64) - 1))
def test_first_at_is_below_every_id_of_its_time(now: int, bits: int) -> None:
    assert ids.first_at(now) < IdSource(_bits(bits)).one(now)
    assert ids.created_at(ids.first_at(now)) == now // 1000 * 1000


def test_first_at_before_the_epoch_is_the_epoch() -> None:
    assert ids.first_at(-5) == ids.first_at(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0193474a-0000-7000-8000-00000000000",
        "0193474a-0000-7000-8000-0000000000011",
        "0193474A-0000-7000-8000-000000000001",
        "0193474a000070008000000000000001",
        "0193474a-0000-7000-8000-000000000001\n",
        "\N{ARABIC-INDIC DIGIT ZERO}193474a-0000-7000-8000-000000000001",
    ],
)
def test_no_id(text: str) -> None:
    assert not ids.is_id(text)


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("0193", True),
        ("0193474a-0000", True),
        ("0193474a-0000-7000-8000-000000000001", True),
        ("019", False),
        ("0193474A", False),
        ("0193%", False),
        ("0193_", False),
        ("0193474a-0000-7000-8000-0000000000011", False),
    ],
)
def test_a_prefix_is_four_characters_or_more(text: str, may: bool) -> None:
    assert ids.is_id_prefix(text) is may
