"""Submitting on both databases."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.errors import IdempotencyMismatch, TenureError
from tenure.domain.job import rank
from tenure.domain.retry import RetryPolicy, Strategy
from tenure.store import tables as t
from tenure.store.options import decode_options
from tenure.store.submits import Submission, Submitted, submit
from tests.builders import NOW, job_options, new_job, new_jobs
from tests.store.facts import active, measured
from tests.store.opened import OpenedStore

Answer = Submitted | TenureError


def put(store: OpenedStore, *submissions: Submission) -> list[Answer]:
    return store.run(submit, list(submissions))


def ids(store: OpenedStore) -> list[str]:
    found = [row[0] for row in store.rows(sa.select(t.jobs.c.id).order_by(t.jobs.c.id))]
    narrow = [
        row[0]
        for row in store.rows(sa.select(t.active_jobs.c.job_id).order_by(t.active_jobs.c.job_id))
    ]
    assert found == narrow
    return found


def keys(store: OpenedStore) -> dict[str, str]:
    c = t.idempotency_keys.c
    return {row.key: row.job_id for row in store.rows(sa.select(c.key, c.job_id))}


def keyed(key: str, digest: str = "d", **changes: Any) -> Submission:
    """A request of two jobs under one header key."""
    values: dict[str, Any] = {"answer": f"answer to {digest}"} | changes
    return Submission(new_jobs(2), NOW, key=key, digest=digest, **values)


def test_jobs_are_stored_as_asked(store: OpenedStore) -> None:
    job = new_job(
        "mail.send", '{"a": 1.10}', queue="mail", name="Hello", priority=7, tags=("x", "ü"),
        max_attempts=9, timeout_seconds=1.5, expires_at=NOW + 9,
        retry_policy=RetryPolicy(Strategy.LINEAR, 1.0, 3.0, 9.0, 0.5),
    )  # fmt: skip
    put(store, Submission([job], NOW - 5))
    ((row,),) = (store.rows(sa.select(t.jobs)),)
    assert (row.id, row.type, row.queue, row.name, row.priority) == (
        job.id, "mail.send", "mail", "Hello", 7,
    )  # fmt: skip
    assert (row.payload, row.tags, row.created_at, row.version) == (
        '{"a": 1.10}', '["x","ü"]', NOW - 5, 1,
    )  # fmt: skip
    assert decode_options(row.options) == job.spec.options
    narrow = active(store, job.id)
    assert (narrow["state"], narrow["reason"], narrow["run_at"]) == ("pending", None, NOW - 5)
    assert (narrow["rank"], narrow["max_attempts"]) == (rank(NOW - 5, 7), 9)
    assert (narrow["attempt"], narrow["fence"], narrow["expires_at"]) == (0, 0, NOW + 9)


def test_default_options_are_not_stored(store: OpenedStore) -> None:
    job = new_job(retry_policy=RetryPolicy())
    put(store, Submission([job], NOW))
    assert store.rows(sa.select(t.jobs.c.options)) == [(None,)]


def test_many_specs_in_one_request_keep_their_own_rows(store: OpenedStore) -> None:
    jobs = [*new_jobs(3), *new_jobs(2, "other", priority=5), *new_jobs(1, queue="mail")]
    put(store, Submission(jobs, NOW))
    assert ids(store) == sorted(job.id for job in jobs)
    for job in jobs:
        row = active(store, job.id)
        spec = job.spec
        assert (row["type"], row["queue"], row["rank"]) == (
            spec.type, spec.queue, rank(NOW, spec.priority),
        )  # fmt: skip
    assert measured(store) == {"submitted": 6}
    assert store.last is not None
    assert store.last.ready == {
        ("default", "echo"): 3,
        ("default", "other"): 2,
        ("mail", "echo"): 1,
    }


def test_a_job_for_later_is_scheduled_and_wakes_the_promoter(store: OpenedStore) -> None:
    later, latest = new_job(run_at=NOW + 1), new_job(run_at=NOW + SECOND)
    past = new_job(run_at=NOW - SECOND)
    put(store, Submission([latest, later, past], NOW))
    assert store.last is not None
    assert (store.last.due, store.last.ready) == (NOW + 1, {("default", "echo"): 1})
    row = active(store, later.id)
    assert (row["state"], row["reason"], row["run_at"]) == ("scheduled", "run_at", NOW + 1)
    assert active(store, past.id)["run_at"] == NOW


def test_one_job_that_expires_wakes_the_promoter_too(store: OpenedStore) -> None:
    put(store, Submission([new_job(expires_at=NOW + 7)], NOW))
    assert store.last is not None
    assert store.last.due == NOW + 7


def test_the_same_request_again_gets_the_first_answer(store: OpenedStore) -> None:
    first = keyed("k")
    assert put(store, first) == [Submitted()]
    store.now += SECOND
    assert put(store, keyed("k")) == [Submitted(replayed="answer to d")]
    assert ids(store) == [job.id for job in first.jobs]
    assert measured(store) == {"submitted": 2}


def test_the_same_request_twice_in_one_transaction_is_stored_once(store: OpenedStore) -> None:
    first = keyed("k")
    answers = put(store, first, keyed("k"), keyed("other"))
    assert answers == [Submitted(), Submitted(replayed="answer to d"), Submitted()]
    assert len(ids(store)) == 4


def test_one_key_with_another_body_is_refused_and_stores_nothing(store: OpenedStore) -> None:
    first = keyed("k")
    answers = put(store, first, keyed("k", "other"))
    assert answers[0] == Submitted()
    assert isinstance(answers[1], IdempotencyMismatch)
    assert isinstance(put(store, keyed("k", "other"))[0], IdempotencyMismatch)
    assert ids(store) == [job.id for job in first.jobs]


def test_owners_do_not_share_keys(store: OpenedStore) -> None:
    assert put(store, keyed("k"), keyed("k", "x", owner="ann")) == [Submitted(), Submitted()]
    assert len(ids(store)) == 4


def items(*asked: tuple[str | None, str], atomic: bool = True) -> Submission:
    """A request whose jobs bring (key, digest)."""
    jobs = new_jobs(len(asked))
    for job, (key, digest) in zip(jobs, asked, strict=True):
        job.idempotency_key, job.digest = key, digest
    return Submission(jobs, NOW, atomic=atomic)


def test_items_with_a_known_key_lead_to_the_first_job(store: OpenedStore) -> None:
    first = items(("a", "1"), (None, ""))
    put(store, first)
    again = items(("b", "2"), ("a", "1"))
    assert put(store, again) == [Submitted(existing={1: first.jobs[0].id})]
    assert keys(store) == {"a": first.jobs[0].id, "b": again.jobs[0].id}
    assert len(ids(store)) == 3


def test_one_key_twice_in_a_request_makes_one_job(store: OpenedStore) -> None:
    asked = items(("a", "1"), ("a", "1"))
    assert put(store, asked) == [Submitted(existing={1: asked.jobs[0].id})]
    assert ids(store) == [asked.jobs[0].id]


def test_an_item_with_another_body_refuses_an_atomic_request(store: OpenedStore) -> None:
    put(store, items(("a", "1")))
    (answer,) = put(store, items(("b", "1"), ("a", "2"), ("c", "1")))
    assert isinstance(answer, IdempotencyMismatch)
    assert [error.pointer for error in answer.errors] == ["/1/idempotency_key"]
    assert len(ids(store)) == 1
    assert keys(store).keys() == {"a"}


def test_an_item_with_another_body_is_refused_alone_when_not_atomic(store: OpenedStore) -> None:
    put(store, items(("a", "1")))
    again = items(("b", "1"), ("a", "2"), ("a", "1"), atomic=False)
    (answer,) = put(store, again)
    assert isinstance(answer, Submitted)
    assert (set(answer.refused), set(answer.existing)) == ({1}, {2})
    assert len(ids(store)) == 2


def test_what_a_refused_request_took_goes_to_the_next_that_wants_it(store: OpenedStore) -> None:
    put(store, items(("a", "1")))
    refused, second = items(("b", "1"), ("a", "2")), items(("b", "other"))
    answers = put(store, refused, second, items(("b", "other")))
    assert isinstance(answers[0], IdempotencyMismatch)
    assert answers[1:] == [Submitted(), Submitted(existing={0: second.jobs[0].id})]
    assert keys(store)["b"] == second.jobs[0].id
    assert second.jobs[0].id in ids(store)


def test_a_refused_request_does_not_keep_its_header_key(store: OpenedStore) -> None:
    put(store, items(("a", "1")))
    refused = items(("a", "2"))
    refused.key, refused.digest, refused.answer = "whole", "w", "never happened"
    assert isinstance(put(store, refused)[0], IdempotencyMismatch)
    assert keys(store).keys() == {"a"}
    assert isinstance(put(store, refused)[0], IdempotencyMismatch)


def test_a_key_belongs_to_the_commit_that_came_first(store: OpenedStore) -> None:
    first = keyed("k")
    put(store, first)
    store.reopen()
    assert put(store, keyed("k")) == [Submitted(replayed="answer to d")]


def test_options_survive_the_way_through_the_store(store: OpenedStore) -> None:
    options = job_options(retry_until=NOW + 1, run_at=NOW + 2, max_attempts=1)
    put(store, Submission([new_job(retry_until=NOW + 1, run_at=NOW + 2, max_attempts=1)], NOW))
    (text,) = (row[0] for row in store.rows(sa.select(t.jobs.c.options)))
    assert decode_options(text) == options
