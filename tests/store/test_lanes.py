"""Reading lanes."""

from __future__ import annotations

import pytest

from tenure.store.lanes import MAX_LANES, lanes_with_work, pending
from tests.builders import NOW
from tests.store.opened import OpenedStore
from tests.store.scenes import submitted


def _ids(store: OpenedStore, lanes: list[tuple[str, str]], limit: int = 100) -> list[str]:
    return [row[0] for row in store.run(pending, tuple(lanes), limit)]


def _two_each(store: OpenedStore, lanes: int) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """Lanes with a job of low and one of high priority each: (lanes, high, low)."""
    names = [("default", f"t{n:02}") for n in range(lanes)]
    low = [submitted(store, 1, type_)[0] for _, type_ in names]
    high = [submitted(store, 1, type_, priority=5)[0] for _, type_ in reversed(names)]
    return names, high, low


@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 9, MAX_LANES])
def test_lanes_are_merged_by_rank(store: OpenedStore, lanes: int) -> None:
    names, high, low = _two_each(store, lanes)
    assert _ids(store, names, 2) == (high + low)[:2]
    assert _ids(store, names, lanes) == high
    assert _ids(store, names) == high + low


@pytest.mark.parametrize("lanes", [MAX_LANES + 1, 40])
def test_of_very_many_lanes_the_first_are_read(store: OpenedStore, lanes: int) -> None:
    """Never a job of lower rank while a lane that was left out has one of higher."""
    names, high, _ = _two_each(store, lanes)
    found = _ids(store, names)
    assert len(found) == MAX_LANES
    assert set(found) < set(high)


def test_only_these_lanes_and_only_what_is_ready(store: OpenedStore) -> None:
    [mine] = submitted(store, 1)
    submitted(store, 1, "other")
    submitted(store, 1, queue="mail")
    submitted(store, 1, run_at=NOW + 10)
    submitted(store, 1, expires_at=NOW + 1)
    store.now += 5
    assert _ids(store, [("default", "echo")]) == [mine]
    assert _ids(store, [("default", "nothing")]) == []
    assert _ids(store, [("default", f"none{n}") for n in range(30)]) == []


def test_lanes_that_have_work(store: OpenedStore) -> None:
    submitted(store, 2)
    submitted(store, 1, "late", run_at=NOW + 10)
    submitted(store, 1, "over", expires_at=NOW - 1)
    lanes = [("default", name) for name in ("echo", "late", "over", "none")]
    assert store.run(lanes_with_work, lanes) == [("default", "echo")]
    assert store.run(lanes_with_work, []) == []
