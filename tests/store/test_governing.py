"""What governed queues give to claims, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.job import Tie
from tenure.domain.lease import LeaseTerms
from tenure.domain.queue import Rate
from tenure.domain.run import Outcome
from tenure.store import control, promotions, queues, sweeps, workers
from tenure.store import tables as t
from tenure.store import tables_queues as q
from tenure.store.governing import AGAIN
from tenure.store.leases import Claim, Claimed, claim
from tenure.store.queues import QueueEdit
from tenure.store.renewals import Beat, Released, release, renew
from tenure.store.unit import Unit, json_text
from tests.builders import NOW, OTHER_WORKER, WORKER, report
from tests.store.facts import active
from tests.store.limiting import ANN, limit
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.plans import plans
from tests.store.scenes import claimed, ended, submitted, worker

TERMS = LeaseTerms()
BOTH = ("default", "mail")


def asked(worker_id: str = WORKER, slots: int = 100, queues: tuple[str, ...] = BOTH) -> Claim:
    return Claim(worker_id, queues, ("echo", "other"), slots)


def leased(store: OpenedStore, *claims: Claim) -> list[list[str]]:
    """What each claim of one transaction gets."""
    found = []
    for answer in store.run(claim, list(claims), TERMS):
        assert isinstance(answer, Claimed)
        found.append([row[0] for row in answer.rows])
    return found


def running(store: OpenedStore) -> Counter[str]:
    a = t.active_jobs.c
    return Counter(row[0] for row in store.rows(sa.select(a.queue).where(a.state == "running")))


def counted(store: OpenedStore) -> set[str]:
    return {row[0] for row in store.rows(sa.select(t.active_jobs.c.job_id).where(t.COUNTED))}


def test_a_paused_queue_gives_nothing_and_others_do(store: OpenedStore) -> None:
    held, free = submitted(store, 2), submitted(store, 2, queue="mail")
    store.run(queues.pause, "default", ANN)
    assert [row[0] for row in claimed(store, WORKER)] == free
    assert claimed(store, WORKER) == []
    store.run(queues.resume, "default", ANN)
    assert store.last is not None
    assert store.last.freed["default"] > 0
    assert [row[0] for row in claimed(store, WORKER)] == held


def test_what_runs_when_its_queue_is_paused_goes_on(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1)
    claimed(store, WORKER)
    store.run(queues.pause, "default", ANN)
    ended(store, report(job_id))


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_run_than_may(store: OpenedStore, most: int) -> None:
    limit(store, max_running=most)
    jobs = submitted(store, 8)
    for worker_id in (WORKER, OTHER_WORKER):
        worker(store, worker_id)
    first, second = leased(store, asked(slots=2), asked(OTHER_WORKER, 2))
    assert len(first + second) == most
    assert counted(store) == set(first + second)
    assert leased(store, asked(), asked(OTHER_WORKER, queues=("default",))) == [[], []]
    ended(store, *(report(job_id) for job_id in first))
    assert store.last is not None
    assert store.last.freed["default"] == len(first)
    again = leased(store, asked())[0]
    assert again == [job for job in jobs if job not in first + second][: len(first)]


def test_claims_of_different_lanes_in_one_transaction_share_the_room(store: OpenedStore) -> None:
    limit(store, max_running=3)
    jobs = submitted(store, 8)
    for worker_id in (WORKER, OTHER_WORKER):
        worker(store, worker_id)
    mail = asked(slots=9, queues=("mail",))
    found = leased(store, asked(slots=2), asked(OTHER_WORKER, 5, ("default",)), mail)
    assert found == [jobs[:2], jobs[2:3], []]
    assert store.last is not None
    assert store.last.freed["default"] == -3


def test_types_of_a_queue_share_its_room_by_rank(store: OpenedStore) -> None:
    limit(store, max_running=3)
    echo, other = submitted(store, 2), submitted(store, 3, type_="other")
    first = submitted(store, 1, priority=5)
    late = submitted(store, 4, queue="mail")
    assert [row[0] for row in claimed(store, WORKER, 5)] == first + echo + late[:2]
    ended(store, *(report(job_id) for job_id in first + echo))
    assert [row[0] for row in claimed(store, WORKER, 100)] == other + late[2:]


ENDS: dict[str, Callable[[OpenedStore, str], Any]] = {
    "complete": lambda store, job: ended(store, report(job)),
    "fail": lambda store, job: ended(store, report(job, outcome=Outcome.FAILED, retryable=False)),
    "retry": lambda store, job: ended(store, report(job, outcome=Outcome.FAILED)),
    "retry at once": lambda store, job: ended(
        store, report(job, outcome=Outcome.FAILED, retry_after_seconds=0.0, checkpoint="1")
    ),
    "snooze": lambda store, job: ended(store, report(job, outcome=Outcome.SNOOZED)),
    "timeout": lambda store, job: ended(store, report(job, outcome=Outcome.TIMEOUT)),
    "release": lambda store, job: store.run(release, [Released(WORKER, {(job, 1): True})]),
    "goodbye": lambda store, job: store.run(workers.goodbye, WORKER),
}


@pytest.mark.parametrize("end", sorted(ENDS))
def test_the_slot_is_back_however_the_run_ends(store: OpenedStore, end: str) -> None:
    limit(store, max_running=1)
    first, _ = submitted(store, 2)
    claimed(store, WORKER)
    worker(store, OTHER_WORKER)
    assert leased(store, asked(OTHER_WORKER)) == [[]]
    ENDS[end](store, first)
    assert store.last is not None
    assert store.last.freed["default"] == 1
    assert counted(store) == set()
    assert active(store, first).get("ties", 0) in (0, Tie.CHECKPOINT)
    assert len(leased(store, asked(OTHER_WORKER))[0]) == 1
    assert running(store) == {"default": 1}


def test_the_slot_is_back_when_the_lease_is_reclaimed_or_cancelled(store: OpenedStore) -> None:
    limit(store, max_running=1)
    first, second = submitted(store, 2)
    claimed(store, WORKER)
    store.now += TERMS.lease
    store.run(sweeps.sweep, 3, lambda: 0.5)
    assert counted(store) == set()
    assert [row[0] for row in claimed(store, WORKER)] == [first]
    store.run(control.cancel, first, ANN)
    assert claimed(store, WORKER) == []
    ended(store, report(first, 2, outcome=Outcome.CANCELLED))
    assert [row[0] for row in claimed(store, WORKER)] == [second]


def test_a_lease_that_was_never_received_gives_its_slot_back(store: OpenedStore) -> None:
    limit(store, max_running=1)
    (job_id,) = submitted(store, 1)
    claimed(store, WORKER)
    store.now += TERMS.heartbeat + 1
    store.run(renew, [Beat(WORKER, {})], TERMS)
    assert counted(store) == set()
    assert [row[0] for row in claimed(store, WORKER)] == [job_id]


def test_renewals_keep_the_slot(store: OpenedStore) -> None:
    limit(store, max_running=1)
    (job_id, _) = submitted(store, 2)
    claimed(store, WORKER)
    store.now += TERMS.heartbeat
    store.run(renew, [Beat(WORKER, {(job_id, 1): (None, "1")})], TERMS)
    assert counted(store) == {job_id}
    assert claimed(store, WORKER) == []


def test_what_ran_before_the_limit_was_set_counts(store: OpenedStore) -> None:
    jobs = submitted(store, 6) + submitted(store, 2, queue="mail")
    claimed(store, WORKER, 8)
    submitted(store, 4)
    limit(store, max_running=5)
    assert claimed(store, WORKER) == []
    assert counted(store) == set(jobs[:6])
    assert store.rows(sa.select(q.queues.c.counted)) == [(1,)]
    ended(store, *(report(job_id) for job_id in jobs[:3]))
    assert len(claimed(store, WORKER)) == 2
    limit(store, max_running=8)
    assert len(claimed(store, WORKER)) == 2
    assert running(store)["default"] == 7


def test_a_queue_that_was_free_for_a_while_is_counted_anew(store: OpenedStore) -> None:
    limit(store, max_running=2)
    first = submitted(store, 2)
    claimed(store, WORKER)
    limit(store, max_running=None)
    others = submitted(store, 2)
    claimed(store, WORKER)
    assert counted(store) == set(first)
    limit(store, rate=Rate(100, SECOND))
    limit(store, max_running=4)
    submitted(store, 2)
    assert claimed(store, WORKER) == []
    assert counted(store) == {*first, *others}


def test_a_lower_limit_stops_nothing_and_starts_nothing(store: OpenedStore) -> None:
    limit(store, max_running=4)
    jobs = submitted(store, 6)
    claimed(store, WORKER)
    limit(store, max_running=2)
    assert running(store)["default"] == 4
    ended(store, *(report(job_id) for job_id in jobs[:2]))
    assert claimed(store, WORKER) == []
    ended(store, report(jobs[2]))
    assert len(claimed(store, WORKER)) == 1


def test_a_busy_queue_does_not_hold_up_others(store: OpenedStore) -> None:
    limit(store, max_running=1)
    submitted(store, 50, priority=100)
    mine = submitted(store, 30, queue="mail")
    found = [row[0] for row in claimed(store, WORKER, 20)]
    assert found[1:] == mine[:19]
    assert [row[0] for row in claimed(store, WORKER, 20)] == mine[19:]


def test_merged_claims_never_exceed_many_limits(store: OpenedStore) -> None:
    names = [f"q{number:02}" for number in range(40)]
    for place, name in enumerate(names):
        limit(store, name, max_running=place % 3 + 1)
        submitted(store, 4, queue=name)
    for worker_id in (WORKER, OTHER_WORKER):
        worker(store, worker_id, queues=json_text(names))
    lanes = tuple(names)
    for _ in range(12):
        found = leased(store, asked(slots=11, queues=lanes), asked(OTHER_WORKER, 7, lanes[:30]))
        assert all(number <= names.index(name) % 3 + 1 for name, number in running(store).items())
        for owner, jobs in zip((WORKER, OTHER_WORKER), found, strict=True):
            ended(store, *(report(job, worker_id=owner) for job in jobs[::2]))
    a = t.active_jobs.c
    ended_all = store.rows(sa.select(a.job_id, a.fence, a.worker_id).where(t.LEASED))
    for job_id, fence, owner in ended_all:
        ended(store, report(job_id, fence, worker_id=owner))
    assert counted(store) == set()


def test_limited_queues_elsewhere_cost_a_claim_nothing(store: OpenedStore) -> None:
    def statements() -> int:
        return len(store.statements(lambda: claimed(store, WORKER, 1)))

    worker(store, WORKER)
    submitted(store, 5)
    before = statements()
    many(store)
    assert statements() == before


def many(store: OpenedStore) -> None:
    """A thousand queues with a limit and a rate."""
    row = {
        "max_running": 5, "rate_count": 10, "rate_interval": SECOND, "rate_at": 0, "counted": 1,
        "version": 1, "updated_at": NOW,
    }  # fmt: skip
    names = [f"queue-{number:04}" for number in range(1_000)]
    store.execute(sa.insert(q.queues).values([{"name": name} | row for name in names]))


def test_a_claim_reads_short_ranges_with_a_thousand_limited_queues(store: OpenedStore) -> None:
    many(store)
    names = [f"queue-{number:04}" for number in range(100, 120)]
    for name in names:
        submitted(store, 2, queue=name)
    worker(store, WORKER, queues=json_text(names))
    submitted(store, 1)
    if store.dialect.name == "postgresql":
        store.execute(sa.text("ANALYZE"))
    found = plans(store, lambda unit: claim(unit, [asked(slots=9, queues=tuple(names))], TERMS))
    assert len(found) <= 12
    for plan in found:
        for line in plan.splitlines():
            assert "Seq Scan" not in line, plan
            assert not line.startswith(("SCAN queues", "SCAN active_jobs")), plan
    about_queues = [plan for plan in found if "queues" in plan]
    assert about_queues
    assert all("pk_queues" in plan or "PRIMARY KEY" in plan for plan in about_queues)
    [counting] = [plan for plan in found if "ix_active_jobs_counted" in plan]
    assert "SCAN active_jobs" not in counting


def test_two_coordinators_never_exceed_a_limit(postgres_store: PostgresStore) -> None:
    store = postgres_store
    limit(store, max_running=3)
    submitted(store, 6)
    for worker_id in (WORKER, OTHER_WORKER):
        worker(store, worker_id)

    def taking(worker_id: str) -> Callable[[Unit], Any]:
        def verb(unit: Unit) -> Any:
            (answer,) = claim(unit, [asked(worker_id, 2)], TERMS)
            assert isinstance(answer, Claimed)
            return len(answer.rows), dict(unit.opens)

        return verb

    # The queue is the first one's until its transaction is over: the second comes back soon.
    (first, _), (second, opens) = store.beside(taking(WORKER), taking(OTHER_WORKER))
    assert (first, second) == (2, 0)
    assert opens["default"][0] == store.now + AGAIN
    (first, _), (second, _) = store.beside(taking(WORKER), taking(OTHER_WORKER))
    assert (first, second) == (1, 0)


def test_a_limit_waits_for_claims_under_way(postgres_store: PostgresStore) -> None:
    store = postgres_store
    jobs = submitted(store, 3)
    worker(store, WORKER)
    store.overlapping(
        lambda unit: claim(unit, [asked(slots=2)], TERMS),
        lambda unit: queues.edit(unit, "default", QueueEdit({"max_running": 1}), ANN),
    )
    assert running(store) == {"default": 2}
    assert claimed(store, WORKER) == []
    assert counted(store) == set(jobs[:2])


def test_a_claim_waits_for_a_limit_under_way_and_heeds_it(postgres_store: PostgresStore) -> None:
    """A claim that begins while a limit is being set sees it, although its statement was sent
    before the limit was committed."""
    store = postgres_store
    submitted(store, 3)
    worker(store, WORKER)
    found = store.overlapping(
        lambda unit: queues.edit(unit, "default", QueueEdit({"max_running": 1}), ANN),
        lambda unit: claim(unit, [asked()], TERMS),
    )
    (answer,) = found
    assert isinstance(answer, Claimed)
    assert len(answer.rows) == 1


def test_a_running_row_that_another_holds_counts_unmarked(postgres_store: PostgresStore) -> None:
    store = postgres_store
    first, second = submitted(store, 2)
    claimed(store, WORKER)
    submitted(store, 3)
    limit(store, max_running=2)
    worker(store, OTHER_WORKER)

    def renewing(unit: Unit) -> Any:
        renew(unit, [Beat(WORKER, {(first, 1): ("{}", None), (second, 1): (None, None)})], TERMS)

    def claiming(unit: Unit) -> Any:
        (answer,) = claim(unit, [asked(OTHER_WORKER)], TERMS)
        assert isinstance(answer, Claimed)
        return answer.rows

    _, rows = store.beside(renewing, claiming)
    assert rows == []
    assert counted(store) == set()
    assert claimed(store, OTHER_WORKER) == []
    assert counted(store) == {first, second}


def test_promoted_jobs_pass_the_gate_too(store: OpenedStore) -> None:
    limit(store, max_running=1)
    submitted(store, 2, run_at=NOW + SECOND)
    store.now += SECOND
    store.run(promotions.promote)
    assert len(claimed(store, WORKER)) == 1
