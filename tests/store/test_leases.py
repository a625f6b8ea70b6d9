"""Claiming on both databases."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.errors import InvalidInput, WorkerUnknown
from tenure.domain.lease import LeaseTerms
from tenure.domain.run import Outcome
from tenure.store import control, workers
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.lanes import MAX_LANES
from tenure.store.leases import Claim, Claimed, claim
from tenure.store.unit import Unit, json_text
from tests.builders import NOW, OTHER_WORKER, WORKER, report
from tests.store.facts import active, measured
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.scenes import claimed, ended, submitted, worker

TERMS = LeaseTerms(30.0)
QUEUES = ("default", "mail")
TYPES = ("echo", "other")
Answer = Claimed | WorkerUnknown | InvalidInput


def wanted(worker_id: str = WORKER, slots: int = 100, **changes: Any) -> Claim:
    values: dict[str, Any] = {"queues": QUEUES, "types": TYPES} | changes
    return Claim(worker_id, slots=slots, **values)


def ask(store: OpenedStore, *claims: Claim) -> list[Answer]:
    return store.run(claim, list(claims), TERMS)


def leased(answer: Answer) -> list[str]:
    assert isinstance(answer, Claimed)
    return [row[0] for row in answer.rows]


def test_a_lease_carries_what_the_worker_needs(store: OpenedStore) -> None:
    (job_id,) = submitted(
        store, 1, name="N", tags=("a",), timeout_seconds=5.0, max_attempts=3, queue="mail"
    )
    worker(store, WORKER)
    store.now += SECOND
    (answer,) = ask(store, wanted())
    assert isinstance(answer, Claimed)
    assert [tuple(row) for row in answer.rows] == [
        (job_id, 1, 1, 3, "echo", "N", "mail", "0", '["a"]', 5.0, None, None, None)
    ]
    row = active(store, job_id)
    assert (row["state"], row["worker_id"], row["fence"], row["attempt"]) == (
        "running", WORKER, 1, 1,
    )  # fmt: skip
    assert (row["started_at"], row["reason"]) == (NOW + SECOND, None)
    assert row["deadline_at"] == TERMS.deadline_at(store.now, 5.0)
    assert row["lease_expires_at"] == row["deadline_at"] == store.now + 15 * SECOND
    assert store.last is not None
    assert store.last.tally == {("mail", "echo", "delay:7"): 1}
    assert [r for r in store.rows(sa.select(t.stats.c.measure)) if r[0].startswith("delay")]


def test_without_timeout_the_lease_is_whole(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1)
    claimed(store, WORKER)
    row = active(store, job_id)
    assert (row["lease_expires_at"], row["deadline_at"]) == (NOW + TERMS.lease, None)


def test_rank_then_id_decides_over_all_lanes(store: OpenedStore) -> None:
    low = submitted(store, 2, priority=-1)
    plain = submitted(store, 1, type_="other") + submitted(store, 2, queue="mail")
    high = submitted(store, 1, type_="other", queue="mail", priority=3)
    store.now += SECOND
    late = submitted(store, 1, priority=3)
    worker(store, WORKER)
    expected = high + late + plain + low
    assert leased(ask(store, wanted(slots=3))[0]) == expected[:3]
    assert leased(ask(store, wanted())[0]) == expected[3:]


def test_what_a_worker_does_not_serve_never_stands_in_its_way(store: OpenedStore) -> None:
    submitted(store, 50, type_="unknown", priority=100)
    mine = submitted(store, 2)
    assert [row[0] for row in claimed(store, WORKER, 2)] == mine


def test_more_lanes_than_one_read_takes(store: OpenedStore) -> None:
    names = [f"t{n:02}" for n in range(MAX_LANES + 9)]
    jobs = []
    for place, name in enumerate(names):
        store.now = NOW + (len(names) - place) * SECOND
        jobs += submitted(store, 2, type_=name)
    worker(store, WORKER, types=json_text([{"name": name} for name in names]))
    asked = wanted(slots=7, types=tuple(names), queues=("default",))
    found: list[str] = []
    while batch := leased(ask(store, asked)[0]):
        assert len(batch) <= 7
        found += batch
        ended(store, *(report(job_id) for job_id in batch))
    # Submitted last to first: the oldest is the last type.
    expected = [job for pair in zip(*[iter(jobs)] * 2, strict=True) for job in pair]
    assert found == [
        job for n in reversed(range(len(names))) for job in expected[2 * n : 2 * n + 2]
    ]


def test_slots_bound_what_a_worker_holds(store: OpenedStore) -> None:
    submitted(store, 20)
    worker(store, WORKER, slots=5)
    assert len(leased(ask(store, wanted(slots=3))[0])) == 3
    assert len(leased(ask(store, wanted(slots=100))[0])) == 2
    assert leased(ask(store, wanted(slots=100))[0]) == []


def test_polls_of_one_worker_in_one_transaction_share_its_slots(store: OpenedStore) -> None:
    submitted(store, 20)
    worker(store, WORKER, slots=5)
    answers = ask(store, wanted(slots=4), wanted(slots=4), wanted(slots=4, types=("echo",)))
    assert [len(leased(answer)) for answer in answers] == [4, 1, 0]


def test_workers_of_one_lane_are_served_in_turn(store: OpenedStore) -> None:
    jobs = submitted(store, 6)
    for worker_id in (WORKER, OTHER_WORKER):
        worker(store, worker_id)
    first, second = ask(store, wanted(slots=2), wanted(OTHER_WORKER, slots=10))
    assert leased(first) == [jobs[0], jobs[2]]
    assert leased(second) == [jobs[1], *jobs[3:]]


def test_no_slots_is_no_job_but_an_answer(store: OpenedStore) -> None:
    submitted(store, 1)
    worker(store, WORKER)
    assert ask(store, wanted(slots=0)) == [Claimed()]


def test_unknown_and_gone_workers_get_nothing(store: OpenedStore) -> None:
    submitted(store, 1)
    worker(store, OTHER_WORKER, state="gone")
    answers = ask(store, wanted(), wanted(OTHER_WORKER))
    assert [type(answer) for answer in answers] == [WorkerUnknown, WorkerUnknown]


@pytest.mark.parametrize("asked", [{"types": ("echo", "rm")}, {"queues": ("secret",)}])
def test_only_what_was_registered(store: OpenedStore, asked: dict[str, Any]) -> None:
    worker(store, WORKER)
    (answer,) = ask(store, wanted(**asked))
    assert isinstance(answer, InvalidInput)
    assert answer.errors[0].pointer == f"/{next(iter(asked))}"


def test_an_expired_job_is_not_leased(store: OpenedStore) -> None:
    late = submitted(store, 1, expires_at=NOW + SECOND)
    worker(store, WORKER)
    store.now = NOW + SECOND
    assert leased(ask(store, wanted())[0]) == []
    store.now -= 1
    assert leased(ask(store, wanted())[0]) == late


def test_expiry_counts_only_until_the_first_start(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, expires_at=NOW + SECOND)
    claimed(store, WORKER)
    ended(store, report(job_id, outcome=Outcome.FAILED, retry_after_seconds=0))
    store.now += 5 * SECOND
    assert leased(ask(store, wanted())[0]) == [job_id]


def test_a_draining_worker_gets_its_order_and_no_job(store: OpenedStore) -> None:
    submitted(store, 1)
    worker(store, WORKER)
    store.run(workers.drain, WORKER)
    assert ask(store, wanted()) == [Claimed(drain=True)]


def test_a_poll_hears_of_cancels(store: OpenedStore) -> None:
    jobs = submitted(store, 2)
    claimed(store, WORKER)
    worker(store, OTHER_WORKER)
    store.run(control.cancel, jobs[1], Action(reason="enough"))
    mine, others = ask(store, wanted(slots=0), wanted(OTHER_WORKER))
    assert mine == Claimed(cancels=[(jobs[1], 1, "enough")])
    assert others == Claimed()


def test_every_claim_makes_a_new_fence_and_keeps_the_checkpoint(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1)
    for attempt in (1, 2, 3):
        (row,) = claimed(store, WORKER)
        assert (row[1], row[2]) == (attempt, attempt)
        assert row[10] == (None if attempt == 1 else f"[{attempt - 1}]")
        failed = {"outcome": Outcome.FAILED, "retry_after_seconds": 0.0}
        ended(store, report(job_id, attempt, checkpoint=f"[{attempt}]", **failed))
    assert measured(store) == {"submitted": 1, "retried": 3}


def test_two_coordinators_never_lease_the_same_job(postgres_store: PostgresStore) -> None:
    store = postgres_store
    jobs = submitted(store, 6)
    worker(store, WORKER)
    worker(store, OTHER_WORKER)

    def taking(worker_id: str, slots: int, types: tuple[str, ...] = TYPES) -> Any:
        def verb(unit: Unit) -> Answer:
            return claim(unit, [wanted(worker_id, slots, types=types)], TERMS)[0]

        return verb

    first, second = store.beside(taking(WORKER, 2), taking(OTHER_WORKER, 2))
    assert leased(first) == jobs[:2]
    assert leased(second) == jobs[2:4]
    first, second = store.beside(taking(WORKER, 9), taking(OTHER_WORKER, 9, ("echo",)))
    assert leased(first) == jobs[4:]
    assert leased(second) == []
