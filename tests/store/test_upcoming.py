"""What would be claimed next, on both databases."""

from __future__ import annotations

from typing import Any

from tenure.domain.clock import SECOND
from tenure.store import control, queues
from tenure.store.control import Action
from tenure.store.upcoming import upcoming
from tests.builders import NOW, WORKER
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, submitted


def ids(
    store: OpenedStore, queue: str | None = None, type_: str | None = None, limit: int = 50
) -> list[str]:
    return [row.job_id for row in store.run(upcoming, queue, type_, limit)]


def test_order_is_the_order_of_claim(store: OpenedStore) -> None:
    for priority in (0, 5, -5, 5, 100):
        for type_ in ("echo", "other"):
            store.now += SECOND
            submitted(store, 2, type_, priority=priority)
    seen = ids(store)
    assert len(seen) == 20
    assert seen[:7] == ids(store, limit=7)
    assert [row[0] for row in claimed(store, WORKER)] == seen


def test_a_paused_queue_is_left_out(store: OpenedStore) -> None:
    [plain] = submitted(store, 1)
    [mail] = submitted(store, 1, queue="mail", owner_id=WORKER)
    store.run(queues.pause, "mail", Action())
    assert ids(store) == [plain]
    assert store.run(upcoming, None, None, 50, WORKER) == []
    store.run(queues.resume, "mail", Action())
    assert ids(store) == [plain, mail]
    assert [row.job_id for row in store.run(upcoming, None, None, 50, WORKER)] == [mail]


def test_one_queue_or_one_type(store: OpenedStore) -> None:
    [plain] = submitted(store, 1)
    [mail] = submitted(store, 1, queue="mail")
    [other] = submitted(store, 1, "other", queue="mail")
    assert ids(store, "mail") == [mail, other]
    assert ids(store, None, "echo") == [plain, mail]
    assert ids(store, "mail", "other") == [other]
    assert ids(store, "nowhere") == []


def test_only_what_may_be_claimed_now(store: OpenedStore) -> None:
    [held, ready, _] = submitted(store, 3)
    submitted(store, 1, run_at=NOW + SECOND)
    submitted(store, 1, expires_at=NOW + SECOND)
    store.run(control.pause, held, Action())
    store.now += SECOND
    assert ids(store)[0] == ready
    assert len(ids(store)) == 2
    assert [row[0] for row in claimed(store, WORKER)] == [ready, _]
    assert ids(store) == []


def test_many_lanes_are_merged(store: OpenedStore) -> None:
    jobs: dict[str, Any] = {}
    for number in range(40):
        store.now += SECOND
        lane = f"q{number * 7 % 40:02}"
        [jobs[lane]] = submitted(store, 1, queue=lane)
    assert ids(store, limit=33) == list(jobs.values())[:33]
    assert ids(store) == list(jobs.values())


def test_it_reads_the_ready_index_only(store: OpenedStore) -> None:
    submitted(store, 20)
    submitted(store, 20, queue="mail")
    no_whole_table(store, lambda unit: upcoming(unit, None, None, 5))
