"""Random workflows, run to their end: what every job must come to, written a second time."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.domain.edges import Condition, Edge, Join
from tenure.domain.errors import IllegalTransition
from tenure.domain.ids import IdSource
from tenure.domain.run import Outcome
from tenure.domain.workflow import NewWorkflow
from tenure.store import control, workflows
from tenure.store.control import Action
from tenure.store.submits import Submission, submit
from tests.builders import NOW, WORKER, new_job, report
from tests.store.facts import measured, runs
from tests.store.graphs import WORKFLOW, counts, states
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended

FINAL = {"completed", "failed", "cancelled", "skipped", "expired"}
GOOD = {"success": {"completed"}, "failure": {"failed", "expired"}, "done": FINAL}


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, dict[int, str], bool]]:
    """Jobs in order: their join, their parents among the former with conditions, whether they
    fail."""
    made = []
    for number in range(draw(st.integers(2, 9))):
        parents = draw(
            st.dictionaries(
                st.integers(0, max(number - 1, 0)),
                st.sampled_from(["success", "success", "failure", "done"]),
                max_size=min(number, 3),
            )
        )
        join = draw(st.sampled_from(["all", "all", "any"]))
        made.append((join, parents if number else {}, draw(st.booleans())))
    return made


def expected(graph: list[tuple[str, dict[int, str], bool]]) -> list[str]:
    """The end of every job when nobody meddles."""
    found: list[str] = []
    for join, parents, fails in graph:
        met = [found[parent] in GOOD[on] for parent, on in parents.items()]
        runs_ = not met or (all(met) if join == "all" else any(met))
        found.append("skipped" if not runs_ else "failed" if fails else "completed")
    return found


def submitted(store: OpenedStore, graph: list[Any]) -> dict[str, str]:
    ids = IdSource().make(NOW, len(graph))
    jobs = [
        new_job(
            id=id_, max_attempts=1, key=f"n{place}", join=Join(join),
            edges=tuple(Edge(ids[parent], Condition(on)) for parent, on in parents.items()),
        )
        for place, (id_, (join, parents, _)) in enumerate(zip(ids, graph, strict=True))
    ]  # fmt: skip
    flow = NewWorkflow(WORKFLOW, None, None)
    store.run(submit, [Submission(jobs, store.now, tied=True, workflow=flow)])
    return {job.key or "": job.id for job in jobs}


def finish(store: OpenedStore, graph: list[Any], ids: dict[str, str], dice: random.Random) -> None:
    """Lease what is ready and end some of it, until nothing is ready or leased."""
    place = {job_id: number for number, job_id in enumerate(ids.values())}
    held: list[tuple[str, int]] = []
    while True:
        held += [(row[0], row[1]) for row in claimed(store, WORKER)]
        if not held:
            return
        dice.shuffle(held)
        some = [held.pop() for _ in range(dice.randint(1, len(held)))]
        told = {True: Outcome.FAILED, False: Outcome.COMPLETED}
        ended(store, *(report(id_, n, outcome=told[graph[place[id_]][2]]) for id_, n in some))


def check(store: OpenedStore, ids: dict[str, str], found: dict[str, str]) -> None:
    row = counts(store)
    assert row.get("total") == len(ids)
    for state in FINAL:
        assert row.get(state, 0) == list(found.values()).count(state), (row, found)
    assert ("finished_at" in row) == (set(found.values()) <= FINAL)


@settings(max_examples=60, deadline=None)
@given(graph=graphs(), seed=st.integers(0, 1 << 30))
def run_alone(store: OpenedStore, graph: list[Any], seed: int) -> None:
    store.empty()
    ids = submitted(store, graph)
    finish(store, graph, ids, random.Random(seed))
    found = states(store, ids)
    assert list(found.values()) == expected(graph)
    check(store, ids, found)
    started = [
        key for key, id_ in ids.items() if len([r for r in runs(store, id_) if r["worker_id"]]) > 1
    ]
    assert started == [], "no job starts twice"
    assert measured(store).get("skipped", 0) == list(found.values()).count("skipped")


def test_every_job_ends_as_its_parents_say(store: OpenedStore) -> None:
    run_alone(store)


@settings(max_examples=60, deadline=None)
@given(graph=graphs(), seed=st.integers(0, 1 << 30))
def run_meddled(store: OpenedStore, graph: list[Any], seed: int) -> None:
    """People pause, cancel and retry jobs and the whole; in the end everything ends."""
    store.empty()
    dice = random.Random(seed)
    ids = submitted(store, graph)
    for _ in range(dice.randint(1, 6)):
        verb = dice.choice([control.cancel, control.pause, control.resume, control.retry, None])
        if verb is None:
            finish(store, graph, ids, dice)
        else:
            try:
                store.run(verb, dice.choice(list(ids.values())), Action())
            except IllegalTransition:
                continue
        check(store, ids, states(store, ids))
    for job_id in ids.values():
        try:
            store.run(control.resume, job_id, Action())
        except IllegalTransition:
            continue
    finish(store, graph, ids, dice)
    found = states(store, ids)
    assert set(found.values()) <= FINAL, found
    check(store, ids, found)
    if set(found.values()) & {"failed", "cancelled"}:
        store.run(workflows.retry, WORKFLOW, Action())
        store.run(workflows.cancel, WORKFLOW, Action())
        assert claimed(store, WORKER) == []
        check(store, ids, states(store, ids))


def test_whatever_people_do_everything_ends(store: OpenedStore) -> None:
    run_meddled(store)
