"""Logs and events on both databases."""

from __future__ import annotations

import pytest

from tenure.domain.clock import SECOND
from tenure.domain.errors import LeaseLost
from tenure.store import control, history
from tenure.store.control import Action
from tenure.store.history import DROPPED, LineRow, Lines, LogBounds
from tests.builders import NOW, OTHER_WORKER, WORKER, report
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, ended, submitted

BOUNDS = LogBounds()


def running(store: OpenedStore) -> str:
    [job_id] = submitted(store, 1)
    claimed(store, WORKER)
    return job_id


def append(
    store: OpenedStore, job_id: str, start: int, *texts: str, bounds: LogBounds = BOUNDS
) -> int:
    lines = [(NOW + start + n, "info", text) for n, text in enumerate(texts)]
    return store.run(history.append_lines, Lines(job_id, 1, WORKER, start, lines), bounds)


def read(store: OpenedStore, job_id: str, fence: int | None = None) -> list[LineRow]:
    return store.run(history.lines, job_id, fence, (0, -1), 100_000)


def test_lines_are_read_as_they_were_sent(store: OpenedStore) -> None:
    job_id = running(store)
    assert append(store, job_id, 0, "one", "zwei \u2713") == 2
    assert append(store, job_id, 2, "") == 1
    assert read(store, job_id) == [
        LineRow(1, 0, NOW, "info", "one"),
        LineRow(1, 1, NOW + 1, "info", "zwei \u2713"),
        LineRow(1, 2, NOW + 2, "info", ""),
    ]


def test_sending_again_adds_nothing(store: OpenedStore) -> None:
    job_id = running(store)
    append(store, job_id, 0, "a", "b")
    assert append(store, job_id, 0, "a", "b") == 0
    assert append(store, job_id, 1, "b", "c", "d") == 2
    assert [line.text for line in read(store, job_id)] == ["a", "b", "c", "d"]
    assert append(store, job_id, 4) == 0


def test_only_the_running_lease_may_write(store: OpenedStore) -> None:
    job_id = running(store)
    line = [(NOW, "info", "x")]
    for stale in (
        Lines(job_id, 2, WORKER, 0, line),
        Lines(job_id, 1, OTHER_WORKER, 0, line),
        Lines(WORKER, 1, WORKER, 0, line),
    ):
        with pytest.raises(LeaseLost):
            store.run(history.append_lines, stale, BOUNDS)
    ended(store, report(job_id))
    with pytest.raises(LeaseLost):
        append(store, job_id, 0, "late")
    assert read(store, job_id) == []


def test_beyond_the_lines_the_oldest_are_dropped_and_marked(store: OpenedStore) -> None:
    job_id = running(store)
    bounds = LogBounds(lines=5)
    append(store, job_id, 0, *"abcde", bounds=bounds)
    assert len(read(store, job_id)) == 5
    append(store, job_id, 5, *"fgh", bounds=bounds)
    assert [(line.index, line.text) for line in read(store, job_id)] == [
        (3, "4 older lines were dropped"),
        (4, "e"),
        (5, "f"),
        (6, "g"),
        (7, "h"),
    ]
    assert read(store, job_id)[0].level == DROPPED
    assert append(store, job_id, 0, *"abcdefghi", bounds=bounds) == 1
    assert [line.index for line in read(store, job_id)] == [4, 5, 6, 7, 8]


def test_beyond_the_bytes_the_oldest_are_dropped_and_marked(store: OpenedStore) -> None:
    job_id = running(store)
    bounds = LogBounds(size=1_000)
    append(store, job_id, 0, *("x" * 300 for _ in range(5)), bounds=bounds)
    lines = read(store, job_id)
    assert [line.index for line in lines] == [1, 2, 3, 4]
    assert lines[0].text == "2 older lines were dropped"
    assert sum(len(line.text) for line in lines) <= 1_000


def test_the_last_line_stays_however_long(store: OpenedStore) -> None:
    job_id = running(store)
    bounds = LogBounds(size=200)
    append(store, job_id, 0, "x" * 500, bounds=bounds)
    append(store, job_id, 1, "y" * 500, bounds=bounds)
    assert [line.text[:3] for line in read(store, job_id)] == ["1 o", "yyy"]


def test_pages_of_a_log_over_several_runs(store: OpenedStore) -> None:
    job_id = running(store)
    append(store, job_id, 0, "a", "b")
    ended(store, report(job_id, outcome="failed", retry_after_seconds=0.0))
    claimed(store, WORKER)
    again = Lines(job_id, 2, WORKER, 0, [(NOW, "info", "c")])
    store.run(history.append_lines, again, BOUNDS)
    assert [line.text for line in read(store, job_id)] == ["a", "b", "c"]
    assert [line.text for line in read(store, job_id, 2)] == ["c"]
    page = store.run(history.lines, job_id, None, (1, 0), 1)
    assert [line.text for line in page] == ["b"]
    page = store.run(history.lines, job_id, None, (1, 1), 5)
    assert [line.text for line in page] == ["c"]


def test_events_are_read_in_order_the_last_ones_first_of_all(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1)
    for verb in (control.pause, control.resume, control.cancel):
        store.now += SECOND
        store.run(verb, job_id, Action("ann", "why"))
    rows = store.run(history.events, job_id, 10)
    assert [(row.event, row.at, row.actor, row.reason) for row in rows] == [
        ("pause", NOW + SECOND, "ann", "why"),
        ("resume", NOW + 2 * SECOND, "ann", "why"),
        ("cancel", NOW + 3 * SECOND, "ann", "why"),
    ]
    assert [row.event for row in store.run(history.events, job_id, 2)] == ["resume", "cancel"]


def test_history_is_read_by_indexes_only(store: OpenedStore) -> None:
    job_id = running(store)
    append(store, job_id, 0, "a")
    no_whole_table(store, lambda unit: history.events(unit, job_id, 5))
    no_whole_table(store, lambda unit: history.lines(unit, job_id, None, (0, -1), 5))
    no_whole_table(store, lambda unit: history.lines(unit, job_id, 1, (0, -1), 5))
