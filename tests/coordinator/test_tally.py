"""Totals kept in memory agree with the table, whatever was looked at when."""

from __future__ import annotations

from tenure.coordinator.tally import KEPT_MINUTES, Tally
from tenure.domain.clock import MINUTE, SECOND
from tenure.store.unit import Unit
from tests.builders import NOW
from tests.store.opened import OpenedStore


def count(unit: Unit, measure: str, number: int) -> None:
    unit.count("q", "t", measure, number)


def test_every_look_finds_what_was_counted_since(store: OpenedStore) -> None:
    tally = Tally()
    store.run(tally.look)
    assert (tally.total("submitted"), tally.last_hour("submitted")) == (0, 0)
    for minute in range(0, 200, 7):
        store.now = NOW + minute * MINUTE
        store.run(count, "submitted", minute)
        store.run(tally.look)
        store.run(count, "submitted", 1)
        store.run(tally.look)
        assert tally.total("submitted") == sum(n + 1 for n in range(0, minute + 1, 7))
        recent = [n + 1 for n in range(0, minute + 1, 7) if n > minute - KEPT_MINUTES]
        assert tally.last_hour("submitted") == sum(recent)


def test_a_new_tally_sums_the_whole_table(store: OpenedStore) -> None:
    for minute in (0, 30, 90, 100):
        store.now = NOW + minute * MINUTE
        store.run(count, "failed", 10)
    tally = Tally()
    store.run(tally.look)
    assert (tally.total("failed"), tally.last_hour("failed")) == (40, 20)


def test_a_minute_written_late_is_still_counted(store: OpenedStore) -> None:
    tally = Tally()
    store.run(tally.look)
    store.now += MINUTE
    store.run(tally.look)
    store.now -= MINUTE
    store.run(count, "lost", 3)
    store.now += 2 * MINUTE
    store.run(tally.look)
    assert tally.total("lost") == 3


def test_a_clock_that_steps_back_counts_nothing_twice(store: OpenedStore) -> None:
    tally = Tally()
    store.run(count, "submitted", 5)
    store.run(tally.look)
    store.now -= 300 * MINUTE
    store.run(count, "submitted", 2)
    store.run(tally.look)
    assert tally.total("submitted") == 7


def test_minutes_are_dense_and_oldest_first(store: OpenedStore) -> None:
    tally = Tally()
    assert tally.by_minute() == []
    store.now = NOW + 30 * SECOND
    store.run(count, "submitted", 4)
    store.run(tally.look)
    minutes = tally.by_minute()
    assert len(minutes) == KEPT_MINUTES
    assert minutes[-1] == (NOW, {"submitted": 4})
    assert minutes[0] == (NOW - (KEPT_MINUTES - 1) * MINUTE, {})


def test_quantiles_of_the_last_hour(store: OpenedStore) -> None:
    tally = Tally()
    store.run(tally.look)
    assert tally.quantiles("delay") == {"p50": None, "p95": None, "p99": None}

    def spans(unit: Unit) -> None:
        unit.observe(("q", "t"), "delay", [SECOND // 1000] * 96 + [SECOND] * 3 + [60 * SECOND])
        unit.observe(("q", "u"), "duration", [SECOND])

    store.run(spans)
    store.run(tally.look)
    assert tally.quantiles("delay") == {"p50": 0.005, "p95": 0.005, "p99": 1.0}
    assert tally.quantiles("duration") == {"p50": 1.0, "p95": 1.0, "p99": 1.0}
