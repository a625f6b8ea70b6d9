"""Running finished jobs again, with what was skipped because of them."""

from __future__ import annotations

import pytest

from tenure.domain.clock import SECOND
from tenure.domain.edges import Join
from tenure.domain.errors import IllegalTransition
from tenure.domain.run import Outcome
from tenure.store import control
from tenure.store.control import Action
from tests.builders import NOW, WORKER
from tests.store.facts import active
from tests.store.graphs import child, counts, end_as, flow, states
from tests.store.opened import OpenedStore
from tests.store.scenes import events, submitted

DONE, FAILED = Outcome.COMPLETED, Outcome.FAILED


def test_what_was_skipped_waits_again(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "a", "c": "b", "d": "a c", "mend": "a?"})
    end_as(store, WORKER, ids, a=FAILED)
    end_as(store, WORKER, ids, mend=DONE)
    assert counts(store) == {
        "total": 5, "completed": 1, "failed": 1, "skipped": 3, "finished_at": NOW
    }  # fmt: skip
    store.run(control.retry, ids["a"], Action("ada"))
    assert counts(store) == {"total": 5, "completed": 1}
    assert states(store, ids) == {
        "a": "pending", "b": "blocked", "c": "blocked", "d": "blocked", "mend": "completed"
    }  # fmt: skip
    assert [active(store, ids[key])["waits"] for key in "bcd"] == [1, 1, 2]
    assert ("retry", "ada", None) in events(store, ids["d"])
    for key in "abcd":
        end_as(store, WORKER, ids, **{key: DONE})
    assert set(states(store, ids).values()) == {"completed"}
    assert counts(store) == {"total": 5, "completed": 5, "finished_at": NOW}


def test_what_another_job_has_broken_stays_skipped(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "", "c": "a b", "d": "c"})
    end_as(store, WORKER, ids, a=FAILED, b=FAILED)
    store.run(control.retry, ids["a"], Action())
    assert states(store, ids)["c"] == "skipped"
    store.run(control.retry, ids["b"], Action())
    assert (states(store, ids)["c"], states(store, ids)["d"]) == ("blocked", "blocked")
    end_as(store, WORKER, ids, a=DONE, b=DONE)
    assert states(store, ids)["c"] == "pending"


def test_who_still_waits_waits_for_the_repeated_job_again(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "", "c": "a! b!"})
    end_as(store, WORKER, ids, a=FAILED)
    assert active(store, ids["c"])["waits"] == 1
    store.run(control.retry, ids["a"], Action())
    assert active(store, ids["c"])["waits"] == 2
    end_as(store, WORKER, ids, b=DONE)
    assert states(store, ids)["c"] == "blocked"
    end_as(store, WORKER, ids, a=FAILED)
    assert states(store, ids)["c"] == "pending"


def test_what_ran_stays(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "a"})
    end_as(store, WORKER, ids, a=DONE)
    end_as(store, WORKER, ids, b=FAILED)
    store.run(control.retry, ids["a"], Action())
    assert states(store, ids) == {"a": "pending", "b": "failed"}
    store.run(control.retry, ids["b"], Action())
    assert states(store, ids)["b"] == "blocked"
    end_as(store, WORKER, ids, a=DONE)
    assert states(store, ids)["b"] == "pending"


def test_a_skipped_job_that_is_retried_forgets_what_broke_it(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "", "c": "a b", "d": "c"})
    end_as(store, WORKER, ids, a=FAILED)
    store.run(control.retry, ids["c"], Action())
    assert states(store, ids)["c"] == "blocked"
    assert states(store, ids)["d"] == "blocked"
    end_as(store, WORKER, ids, b=DONE)
    assert states(store, ids)["c"] == "pending"


def test_any_counts_anew(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "", "c": "a b"}, joins={"c": Join.ANY})
    end_as(store, WORKER, ids, a=FAILED, b=FAILED)
    store.run(control.retry, ids["a"], Action())
    assert active(store, ids["c"])["waits"] == 1
    end_as(store, WORKER, ids, a=DONE)
    assert states(store, ids)["c"] == "pending"


def test_an_unfinished_job_is_refused(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "a"})
    with pytest.raises(IllegalTransition):
        store.run(control.retry, ids["b"], Action())


def test_who_waits_for_its_concurrency_key_keeps_its_place(store: OpenedStore) -> None:
    submitted(store, 1, concurrency_key="k")
    ids = flow(store, {"a": ""})
    below = child(store, [ids["a"]], concurrency_key="k")
    end_as(store, WORKER, ids, a=DONE)
    place = active(store, below)
    assert (place["reason"], place["waits"]) == ("concurrency_key", 0)
    store.now += SECOND
    store.run(control.retry, ids["a"], Action())
    assert active(store, below) == place
    end_as(store, WORKER, ids, a=FAILED)
    assert active(store, below) == place
