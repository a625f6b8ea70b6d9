"""Unique keys where jobs are submitted."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tenure.domain.errors import UniqueTaken
from tenure.domain.job import NewJob, OnConflict, Unique, UniqueScope
from tenure.store import tables as t
from tenure.store import tables_limits as lim
from tenure.store.submits import Submission, Submitted, submit
from tests.builders import NOW, WORKER, new_job, report
from tests.store.facts import active
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, ended, events, submitted

REJECT = Unique("k", on_conflict=OnConflict.REJECT)
REPLACE = Unique("k", on_conflict=OnConflict.REPLACE)
EXISTING = Unique("k")


def job(unique: Unique | None = EXISTING, **changes: Any) -> NewJob:
    return new_job(unique=unique, **changes)


def put(store: OpenedStore, *wanted: Submission | NewJob) -> list[Any]:
    items = [Submission([one], NOW) if isinstance(one, NewJob) else one for one in wanted]
    return store.run(submit, items)


def stored(store: OpenedStore) -> set[str]:
    return {row[0] for row in store.rows(sa.select(t.jobs.c.id))}


def keys(store: OpenedStore) -> dict[str, str]:
    c = lim.unique_keys.c
    return dict(tuple(row) for row in store.rows(sa.select(c.key, c.job_id)))


def idempotency(store: OpenedStore) -> dict[str, tuple[str, str | None]]:
    c = t.idempotency_keys.c
    rows = store.rows(sa.select(c.key, c.job_id, c.answer))
    return {row.key: (row.job_id, row.answer) for row in rows}


def test_the_job_that_has_the_key_answers(store: OpenedStore) -> None:
    first, second = job(), job()
    assert put(store, first) == [Submitted()]
    assert put(store, second) == [Submitted(existing={0: first.id})]
    assert stored(store) == {first.id}


def test_in_one_transaction_too(store: OpenedStore) -> None:
    first, second = job(), job()
    assert put(store, first, second) == [Submitted(), Submitted(existing={0: first.id})]
    assert stored(store) == {first.id}


def test_a_rejection_names_the_holder_and_stores_nothing(store: OpenedStore) -> None:
    first = job()
    put(store, first)
    (refused,) = put(store, job(REJECT))
    assert isinstance(refused, UniqueTaken)
    assert first.id in refused.detail
    assert [error.pointer for error in refused.errors] == ["/unique"]
    assert stored(store) == {first.id}


def test_the_owner_belongs_to_the_key(store: OpenedStore) -> None:
    owner = "0193474a-0000-7000-8000-0000000000ff"
    mine, yours = job(REJECT), job(REJECT, owner_id=owner)
    put(store, mine, Submission([yours], NOW, owner=owner))
    assert stored(store) == {mine.id, yours.id}


def test_an_atomic_batch_is_refused_whole_and_its_keys_are_free(store: OpenedStore) -> None:
    put(store, job())
    batch = Submission([job(Unique("a")), job(REJECT), job(None)], NOW)
    (refused,) = put(store, batch)
    assert isinstance(refused, UniqueTaken)
    assert [error.pointer for error in refused.errors] == ["/1/unique"]
    assert keys(store).keys() == {"k"}
    assert len(stored(store)) == 1


def test_what_a_refused_batch_had_goes_to_the_next_that_wants_it(store: OpenedStore) -> None:
    put(store, job())
    batch = Submission([job(Unique("a")), job(REJECT)], NOW)
    other, third = job(Unique("a")), job(Unique("a"))
    answers = put(store, batch, other, third)
    assert isinstance(answers[0], UniqueTaken)
    assert answers[1:] == [Submitted(), Submitted(existing={0: other.id})]
    assert keys(store)["a"] == other.id
    assert other.id in stored(store)


def test_items_of_a_batch_that_is_not_atomic_stand_alone(store: OpenedStore) -> None:
    first = job()
    put(store, first)
    free = job(None)
    batch = Submission([job(REJECT), job(), free], NOW, atomic=False)
    (answer,) = put(store, batch)
    assert (set(answer.refused), answer.existing) == ({0}, {1: first.id})
    assert isinstance(answer.refused[0], UniqueTaken)
    assert stored(store) == {first.id, free.id}


def test_replace_edits_a_job_that_has_not_started(store: OpenedStore) -> None:
    first = job(priority=1)
    put(store, first)
    new = job(REPLACE, payload='"new"', priority=7, queue="mail", type_="other", max_attempts=9)
    assert put(store, new) == [Submitted(existing={0: first.id})]
    j = t.jobs.c
    ((type_, queue, payload, priority, version),) = store.rows(
        sa.select(j.type, j.queue, j.payload, j.priority, j.version)
    )
    assert (type_, queue, payload, priority, version) == ("other", "mail", '"new"', 7, 2)
    row = active(store, first.id)
    assert (row["type"], row["queue"], row["max_attempts"]) == ("other", "mail", 9)
    assert events(store, first.id) == [("edit", "local", "submitted again")]


def test_replace_within_one_transaction(store: OpenedStore) -> None:
    first = job(priority=1)
    assert put(store, first, job(REPLACE, priority=7))[1] == Submitted(existing={0: first.id})
    assert store.rows(sa.select(t.jobs.c.id, t.jobs.c.priority)) == [(first.id, 7)]


def test_replace_refuses_what_has_started_or_ended(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, unique=Unique("k", UniqueScope.FOREVER))
    claimed(store, WORKER)
    (refused,) = put(store, job(REPLACE))
    assert isinstance(refused, UniqueTaken)
    assert refused.detail.endswith("which has started")
    ended(store, report(job_id))
    assert isinstance(put(store, job(REPLACE))[0], UniqueTaken)
    assert stored(store) == {job_id}


def test_a_refused_request_does_not_keep_its_idempotency_key(store: OpenedStore) -> None:
    put(store, job())
    asked = Submission([job(REJECT)], NOW, key="i", digest="d", answer="never")
    again = Submission([job(REJECT)], NOW, key="i", digest="d", answer="never")
    answers = put(store, asked, again)
    assert [type(answer) for answer in answers] == [UniqueTaken, UniqueTaken]
    assert idempotency(store) == {}


def test_a_repeated_request_is_answered_with_the_job_that_stood_for_it(store: OpenedStore) -> None:
    first = job()
    put(store, first)
    requests = [Submission([job()], NOW, key="i", digest="d", answer="never") for _ in range(3)]
    expected = Submitted(existing={0: first.id})
    assert put(store, *requests[:2]) == [expected, expected]
    assert idempotency(store) == {"i": (first.id, None)}
    assert put(store, requests[2]) == [expected]
    assert stored(store) == {first.id}


def test_a_batchs_stored_answer_tells_what_became_of_it(store: OpenedStore) -> None:
    put(store, job())

    def asked() -> Submission:
        jobs = [job(), job(None)]
        return Submission(
            jobs, NOW, key="i", digest="d", answer="all new", told=lambda found: str(found.existing)
        )

    first, second = asked(), asked()
    one, two = put(store, first, second)
    assert two.replayed == str(one.existing)
    assert put(store, asked())[0].replayed == str(one.existing)


def test_an_items_own_idempotency_key_follows_its_job(store: OpenedStore) -> None:
    first = job()
    put(store, first)
    items = [job(idempotency_key="a", digest="1"), job(REJECT, idempotency_key="b", digest="2")]
    again = [job(idempotency_key="a", digest="1"), job(REJECT, idempotency_key="b", digest="2")]
    one, two = put(
        store, Submission(items, NOW, atomic=False), Submission(again, NOW, atomic=False)
    )
    for answer in (one, two):
        assert (answer.existing, set(answer.refused)) == ({0: first.id}, {1})
    assert idempotency(store) == {"a": (first.id, None)}
