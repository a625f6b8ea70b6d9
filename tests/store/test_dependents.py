"""What becomes of waiting jobs when those they wait for end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.edges import Join
from tenure.domain.run import Outcome
from tenure.store import control, promotions
from tenure.store import tables as t
from tenure.store.control import Action
from tests.builders import NOW, OTHER_WORKER, WORKER
from tests.store.facts import active, runs
from tests.store.graphs import child, counts, end_as, flow, states
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, events

DONE, FAILED = Outcome.COMPLETED, Outcome.FAILED
DIAMOND = {"a": "", "b": "a", "c": "a", "d": "b c"}


def test_a_diamond_runs_from_the_top_down(store: OpenedStore) -> None:
    ids = flow(store, DIAMOND)
    assert states(store, ids) == {
        "a": "pending", "b": "blocked", "c": "blocked", "d": "blocked"
    }  # fmt: skip
    assert active(store, ids["d"])["reason"] == "dependencies"
    assert active(store, ids["d"])["waits"] == 2
    store.now += SECOND
    end_as(store, WORKER, ids, a=DONE)
    assert active(store, ids["b"])["run_at"] == NOW + SECOND, "ready since its parent ended"
    assert store.last is not None
    assert store.last.ready["default", "echo"] == 2
    end_as(store, WORKER, ids, b=DONE)
    assert states(store, ids)["d"] == "blocked"
    end_as(store, WORKER, ids, c=DONE)
    assert active(store, ids["d"])["reason"] is None
    end_as(store, WORKER, ids, d=DONE)
    assert set(states(store, ids).values()) == {"completed"}
    assert counts(store) == {"total": 4, "completed": 4, "finished_at": NOW + SECOND}


def test_a_failure_skips_what_is_below(store: OpenedStore) -> None:
    ids = flow(store, DIAMOND | {"e": "d", "f": "a", "mend": "b?", "sum": "d! f!"})
    end_as(store, WORKER, ids, a=DONE)
    end_as(store, WORKER, ids, b=FAILED)
    found = states(store, ids)
    assert (found["d"], found["e"], found["mend"], found["sum"]) == (
        "skipped", "skipped", "pending", "blocked"
    )  # fmt: skip
    assert runs(store, ids["e"])[0]["reason"] == "upstream_failed"
    assert events(store, ids["e"]) == [("skip", None, "upstream_failed")]
    end_as(store, WORKER, ids, c=DONE, f=DONE, mend=DONE)
    end_as(store, WORKER, ids, sum=DONE)
    assert counts(store) == {
        "total": 8, "completed": 5, "failed": 1, "skipped": 2, "finished_at": NOW
    }  # fmt: skip


def test_a_job_that_waits_for_a_failure_is_skipped_by_success(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "mend": "a?"})
    end_as(store, WORKER, ids, a=DONE)
    assert states(store, ids)["mend"] == "skipped"
    assert runs(store, ids["mend"])[0]["reason"] == "condition"


@pytest.mark.parametrize("how", ["cancel", "expire"])
def test_a_parent_that_never_runs_breaks_its_edges(store: OpenedStore, how: str) -> None:
    ids = flow(store, {"a": "", "b": "a", "mend": "a?", "after": "a!"}, expires_at=NOW + SECOND)
    if how == "cancel":
        store.run(control.cancel, ids["a"], Action())
    else:
        store.execute(
            sa.update(t.active_jobs)
            .where(t.active_jobs.c.job_id != ids["a"])
            .values(expires_at=None)
        )
        store.now += 2 * SECOND
        store.run(promotions.expire)
    found = states(store, ids)
    assert (found["b"], found["after"]) == ("skipped", "pending")
    assert found["mend"] == ("skipped" if how == "cancel" else "pending")


class TestAny:
    graph = {"a": "", "b": "", "c": "a b"}
    joins = {"c": Join.ANY}

    def test_the_first_met_edge_starts_it_and_only_that(self, store: OpenedStore) -> None:
        ids = flow(store, self.graph, joins=self.joins)
        end_as(store, WORKER, ids, a=DONE)
        assert states(store, ids)["c"] == "pending"
        end_as(store, WORKER, ids, c=DONE)
        end_as(store, WORKER, ids, b=DONE)
        assert active(store, ids["c"]) == {}
        assert len(runs(store, ids["c"])) == 1

    def test_a_broken_edge_leaves_it_to_the_others(self, store: OpenedStore) -> None:
        ids = flow(store, self.graph, joins=self.joins)
        end_as(store, WORKER, ids, a=FAILED)
        assert states(store, ids)["c"] == "blocked"
        end_as(store, WORKER, ids, b=DONE)
        assert states(store, ids)["c"] == "pending"

    def test_it_is_skipped_when_all_are_broken(self, store: OpenedStore) -> None:
        ids = flow(store, self.graph, joins=self.joins)
        end_as(store, WORKER, ids, a=FAILED, b=FAILED)
        assert states(store, ids)["c"] == "skipped"

    def test_a_met_edge_outlasts_a_pause(self, store: OpenedStore) -> None:
        ids = flow(store, self.graph, joins=self.joins)
        store.run(control.pause, ids["c"], Action())
        end_as(store, WORKER, ids, a=DONE, b=FAILED)
        assert states(store, ids)["c"] == "paused"
        store.run(control.resume, ids["c"], Action())
        assert states(store, ids)["c"] == "pending"


def test_a_paused_child_waits_for_both(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "a"})
    store.run(control.pause, ids["b"], Action())
    store.run(control.resume, ids["b"], Action())
    assert states(store, ids)["b"] == "blocked"
    assert active(store, ids["b"])["reason"] == "dependencies"
    store.run(control.pause, ids["b"], Action())
    end_as(store, WORKER, ids, a=DONE)
    assert states(store, ids)["b"] == "paused"
    store.run(control.resume, ids["b"], Action())
    assert states(store, ids)["b"] == "pending"


def test_a_paused_child_is_skipped(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "a"})
    store.run(control.pause, ids["b"], Action())
    end_as(store, WORKER, ids, a=FAILED)
    assert states(store, ids)["b"] == "skipped"


def test_a_child_due_later_is_scheduled(store: OpenedStore) -> None:
    ids = flow(store, {"a": "", "b": "a"}, run_at=NOW + 10 * SECOND)
    assert states(store, ids) == {"a": "scheduled", "b": "blocked"}
    store.execute(
        sa.update(t.active_jobs).where(t.active_jobs.c.job_id == ids["a"]).values(state="pending")
    )
    end_as(store, WORKER, ids, a=DONE)
    assert states(store, ids)["b"] == "scheduled"
    assert active(store, ids["b"])["reason"] == "run_at"
    assert store.last is not None
    assert store.last.due == NOW + 10 * SECOND


def test_a_job_depends_on_jobs_that_run_have_ended_or_failed(store: OpenedStore) -> None:
    ids = flow(store, {"ends": "", "fails": "", "runs": ""})
    end_as(store, WORKER, ids, ends=DONE, fails=FAILED)
    after = child(store, [ids["ends"]])
    both = child(store, [ids["ends"], ids["runs"]])
    never = child(store, [ids["fails"], ids["runs"]])
    below = child(store, [never])
    assert states(store, {"after": after, "both": both, "never": never, "below": below}) == {
        "after": "pending", "both": "blocked", "never": "skipped", "below": "skipped"
    }  # fmt: skip
    end_as(store, WORKER, ids, runs=DONE)
    assert active(store, both)["state"] == "pending"


def test_a_thousand_parents_that_end_at_once_start_their_child_once(store: OpenedStore) -> None:
    keys = [f"p{n}" for n in range(1000)]
    ids = flow(store, dict.fromkeys(keys, "") | {"child": keys})
    end_as(store, WORKER, ids, **dict.fromkeys(keys, DONE))
    assert store.last is not None
    assert store.last.ready["default", "echo"] == 1
    assert [row[0] for row in claimed(store, OTHER_WORKER)] == [ids["child"]]


def statements(body: Callable[[], object]) -> int:
    """How many statements `body` runs in this thread; another's may belong to another test."""
    count, mine = 0, threading.get_ident()

    def note(*_: Any) -> None:
        nonlocal count
        count += threading.get_ident() == mine

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        body()
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)
    return count


@pytest.mark.parametrize("shape", ["wide", "deep", "skipped"])
def test_an_end_costs_as_many_statements_however_large_the_graph(
    store: OpenedStore, shape: str
) -> None:
    found = []
    for size in (5, 200):
        store.empty()
        keys = [f"n{n}" for n in range(size)]
        if shape == "wide":
            graph: dict[str, Any] = {"top": ""} | dict.fromkeys(keys, "top") | {"end": keys}
        else:
            graph = {"top": ""} | dict(zip(keys, ["top", *keys], strict=False))
        ids = flow(store, graph)
        claimed(store, WORKER)
        end = partial(end_as, store, WORKER, ids, top=FAILED if shape == "skipped" else DONE)
        found.append(statements(end))
        if shape == "skipped":
            assert states(store, ids)[keys[-1]] == "skipped"
    assert found[0] == found[1]
