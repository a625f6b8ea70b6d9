"""Faults put into a store by hand are found, and a store that worked has none."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tenure.domain.audit import Head
from tenure.store import tables as t
from tenure.store import tables_audit as ta
from tenure.store import tables_workflows as w
from tenure.store.audit import Entry, audit, chain, head
from tenure.store.control import Action, cancel, retry
from tenure.store.unit import Unit
from tenure.store.verifying import MAX_TOLD, Checked, verify
from tests.builders import WORKER, report
from tests.store.graphs import child, flow
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, submitted


def _verified(store: OpenedStore, noted: Head | None = None) -> list[Checked]:
    return store.run(lambda unit: list(verify(unit, noted)))


def _faults(store: OpenedStore, noted: Head | None = None) -> dict[str, tuple[str, ...]]:
    return {one.what: one.faults for one in _verified(store, noted) if one.faults}


def _audited(store: OpenedStore, count: int) -> Head:
    for number in range(count):
        store.now += 1_000
        store.run(audit, [Entry("job.delete", None, "job", f"j{number}")])
    store.run(chain)
    return store.run(head)


def _busy(store: OpenedStore) -> list[str]:
    """Jobs in every kind of state."""
    ids = submitted(store, 8)
    for job_id, fence, *_ in claimed(store, WORKER, 3):
        if job_id != ids[0]:
            ended(store, report(job_id, fence))
    store.run(cancel, ids[4], Action("ann"))
    store.run(retry, ids[4], Action("ann"))
    flow(store, {"a": "", "b": "a", "c": "a b"})
    child(store, [ids[5]])
    submitted(store, 3, concurrency_key="k")
    _audited(store, 3)
    return ids


def test_a_store_that_worked_has_no_fault(store: OpenedStore) -> None:
    assert _faults(store) == {}
    _busy(store)
    found = _verified(store)
    assert len(found) == 13
    assert [one for one in found if one.faults] == []


@pytest.mark.parametrize(
    ("change", "what", "word"),
    [
        (sa.delete(t.active_jobs).where(t.LEASED), "every job", "neither"),
        (sa.delete(t.runs), "every job", "neither"),
        (sa.delete(t.jobs).where(t.jobs.c.id.in_(sa.select(t.active_jobs.c.job_id))),
         "nothing is queued", "never submitted"),
        (sa.update(t.runs).where(t.FINAL).values(final_state="done"), "every end", "no final"),
        (sa.update(w.workflow_counts).values(finished_at=1), "a finished workflow", "and is not"),
        (sa.delete(t.workers), "leases belong", "nobody known"),
        (sa.update(t.active_jobs).values(attempt=9), "attempts stay", "too many attempts"),
        (sa.update(t.active_jobs).where(t.AWAITS_ADMISSION).values(state="pending", reason=None),
         "limits are kept", "key k is over"),
        (sa.delete(t.active_jobs).where(t.KEYED, t.READY), "limits do not leak", "key k has room"),
        (sa.update(t.active_jobs).where(t.READY).values(ties=64), "only what runs", "does not run"),
        (sa.delete(w.dependencies), "nothing waits", "have all ended"),
    ],
)  # fmt: skip
def test_a_fault_is_found(store: OpenedStore, change: sa.Executable, what: str, word: str) -> None:
    _busy(store)
    store.execute(change)
    found = _faults(store)
    [faults] = [said for name, said in found.items() if name.startswith(what)]
    assert word in faults[0]


def test_a_run_ahead_of_its_fence_and_a_job_that_is_both(store: OpenedStore) -> None:
    ids = _busy(store)
    done = sa.select(t.runs.c.job_id).where(t.FINAL).limit(1)
    [(job_id,)] = store.rows(done)
    template = sa.select(t.active_jobs).where(t.active_jobs.c.job_id == ids[7])
    [row] = store.rows(template)
    store.execute(sa.insert(t.active_jobs).values(**(dict(row._mapping) | {"job_id": job_id})))
    found = _faults(store)
    assert found["no job is both"] == (f"job {job_id} is unfinished and has an end",)
    assert found["fences only grow"] == (f"job {job_id} has a run ahead of its fence",)


def test_only_some_of_many_faults_are_told(store: OpenedStore) -> None:
    submitted(store, 3 * MAX_TOLD)
    store.execute(sa.delete(t.active_jobs))
    assert len(_faults(store)["every job is unfinished or has an end"]) == MAX_TOLD


_LINES = ta.audit.c
AUDIT = "the audit is as it was written"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (sa.delete(ta.audit).where(_LINES.place == 3), "audit line 3 is missing"),
        (sa.delete(ta.audit).where(_LINES.place == 1), "audit line 1 is missing"),
        (sa.delete(ta.audit).where(_LINES.place == 5), "ends at line 4, it went up to line 5"),
        (sa.update(ta.audit).where(_LINES.place == 2).values(reason="x"), "audit line 2"),
        (sa.delete(ta.audit_head), "was moved back from line 5"),
        (sa.update(ta.audit_head).values(place=4), "was moved back from line 5"),
    ],
)  # fmt: skip
def test_a_line_that_was_touched_is_found(
    store: OpenedStore, change: sa.Executable, words: str
) -> None:
    _audited(store, 5)
    assert AUDIT not in _faults(store)
    store.execute(change)
    assert words in _faults(store)[AUDIT][0]


def test_an_audit_written_anew_is_found_by_who_noted_its_end(store: OpenedStore) -> None:
    noted = _audited(store, 5)
    _audited(store, 3)
    assert _faults(store, noted) == {}
    assert _faults(store, Head()) == {}
    store.execute(sa.delete(ta.audit))
    store.execute(sa.delete(ta.audit_head))
    _audited(store, 7)
    assert _faults(store) == {}
    assert "no longer holds line 5" in _faults(store, noted)[AUDIT][0]


def test_lines_not_chained_yet_are_no_fault(store: OpenedStore) -> None:
    _audited(store, 2)

    def more(unit: Unit) -> None:
        audit(unit, [Entry("job.delete")])

    store.run(more)
    assert _faults(store) == {}
