"""Fingerprints of failed jobs, on both databases."""

from __future__ import annotations

import json
from typing import Any

from tenure.domain.clock import SECOND
from tenure.domain.fingerprint import fingerprint
from tenure.domain.grammar import parse
from tenure.domain.lease import LeaseTerms
from tenure.domain.run import Outcome
from tenure.store import control, deadletters, listing, pruning
from tenure.store.control import Action
from tenure.store.sweeps import sweep
from tests.builders import NOW, WORKER, report
from tests.store.facts import runs
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, submitted


def failed(store: OpenedStore, message: str, **changes: Any) -> str:
    """A job that failed for good with this message."""
    [job_id] = submitted(store, 1, **changes)
    [(_, fence, *_)] = claimed(store, WORKER)
    error = json.dumps({"type": "Refused", "message": message})
    ended(store, report(job_id, fence, outcome=Outcome.FAILED, error=error, retryable=False))
    return job_id


def test_only_a_final_failure_has_a_fingerprint(store: OpenedStore) -> None:
    one, other = failed(store, "user 1"), failed(store, "user 2", queue="mail")
    [again, good] = submitted(store, 2)
    claimed(store, WORKER)
    error = json.dumps({"type": "Refused", "message": "user 3"})
    ended(store, report(again, outcome=Outcome.FAILED, error=error), report(good))
    name = fingerprint("", "Refused", "user 1", None)
    for job_id, expected in ((one, name), (other, name), (again, None), (good, None)):
        assert [run["fingerprint"] for run in runs(store, job_id)] == [expected]
    found = store.run(deadletters.failures, [one, other, again, good])
    assert found == [
        (other, name, NOW, "echo", "mail", "non_retryable"),
        (one, name, NOW, "echo", "default", "non_retryable"),
    ]


def test_a_failure_without_an_error_goes_by_its_reason(store: OpenedStore) -> None:
    [job_id] = submitted(store, 1, on_lost="fail")
    claimed(store, WORKER)
    store.now += LeaseTerms().lease + SECOND
    store.run(sweep, max_lost=3, random=lambda: 0.5)
    assert [run["fingerprint"] for run in runs(store, job_id)] == [
        fingerprint("lost", "", "", None)
    ]


def test_a_filter_by_fingerprint(store: OpenedStore) -> None:
    one, other = failed(store, "user 1"), failed(store, "another thing")
    name = fingerprint("", "Refused", "user 1", None)

    def shown(text: str) -> list[str]:
        return store.run(listing.job_ids, parse(text, store.now), None, 10).ids

    assert shown(f"fingerprint:{name}") == [one]
    assert shown(f"status:failed fingerprint:{name[:4]}*") == [one]
    assert shown(f"not fingerprint:{name}") == [other]
    store.run(control.retry, one, Action())
    assert shown(f"fingerprint:{name}") == []
    assert store.run(deadletters.failures, [one]) == []
    store.run(control.delete, other, Action())
    assert store.run(deadletters.failures, [other]) == []


def test_the_oldest_beyond_the_most_that_are_kept(store: OpenedStore) -> None:
    ids = [failed(store, f"number {n}") for n in range(5)]
    submitted(store, 2)
    assert store.run(pruning.surplus, 5) == []
    assert store.run(pruning.surplus, 3) == [(ids[1], NOW + 1), (ids[0], NOW + 1)]
    assert store.run(pruning.surplus, 1, 2) == [(ids[3], NOW + 1), (ids[2], NOW + 1)]
    assert store.run(pruning.prune_jobs, store.run(pruning.surplus, 3))
    assert store.run(listing.job_ids, parse("status:failed", NOW), None, 9).ids == ids[:1:-1]
