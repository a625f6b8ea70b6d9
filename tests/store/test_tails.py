"""The ends of logs on both databases."""

from __future__ import annotations

from tenure.store import control, history
from tenure.store.control import Action
from tenure.store.history import Lines, LogBounds
from tenure.store.tails import Head, heads, tail
from tests.builders import NOW, OTHER_WORKER, WORKER, report
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, ended, submitted

START = (0, -1)


def append(store: OpenedStore, job_id: str, fence: int, start: int, *texts: str) -> None:
    lines = [(NOW, "info", text) for text in texts]
    item = Lines(job_id, fence, WORKER, start, lines)
    store.run(history.append_lines, item, LogBounds())


def test_lines_and_the_end_they_came_before(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1)
    assert store.run(tail, job_id, None, START, 5) == ([], None)
    claimed(store, WORKER)
    append(store, job_id, 1, 0, "a", "b")
    lines, state = store.run(tail, job_id, None, (1, 0), 5)
    assert ([line.text for line in lines], state) == (["b"], None)
    ended(store, report(job_id))
    lines, state = store.run(tail, job_id, None, START, 1)
    assert ([line.text for line in lines], state) == (["a"], "completed")
    assert store.run(tail, job_id, 2, START, 5) == ([], "completed")


def test_of_a_job_that_is_gone_nothing_more_comes(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1)
    store.run(control.delete, job_id, Action())
    assert store.run(tail, job_id, None, START, 5) == ([], "")
    assert store.run(tail, WORKER, None, START, 5) == ([], "")


def test_heads_are_the_last_lines(store: OpenedStore) -> None:
    one, two, three = submitted(store, 3)
    claimed(store, WORKER)
    append(store, one, 1, 0, "a", "b", "c")
    ended(store, report(one, outcome="failed", retry_after_seconds=0.0), report(two))
    claimed(store, WORKER)
    append(store, one, 2, 0, "d")
    assert store.run(heads, [one, two, three, OTHER_WORKER]) == {
        one: Head((2, 0), active=True),
        two: Head((0, -1), active=False),
        three: Head((0, -1), active=True),
        OTHER_WORKER: Head((0, -1), active=False),
    }


def test_a_unit_says_whose_log_grew(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1)
    claimed(store, WORKER)
    append(store, job_id, 1, 0, "a")
    assert store.last is not None
    assert store.last.logged == {job_id}
    append(store, job_id, 1, 0, "a")
    assert store.last.logged == set()


def test_tails_are_read_by_indexes_only(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1)
    claimed(store, WORKER)
    append(store, job_id, 1, 0, "a")
    no_whole_table(store, lambda unit: tail(unit, job_id, None, START, 5))
    no_whole_table(store, lambda unit: heads(unit, [job_id]))
