"""Submitting: answers after the commit, once per key."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN, Principal, Role
from tenure.domain.errors import IdempotencyMismatch, InvalidInput, UniqueTaken, UnknownField
from tenure.settings import Settings
from tests.builders import OTHER_WORKER, WORKER
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

ANN, BOB = Principal(Role.USER, WORKER), Principal(Role.USER, OTHER_WORKER)


def body(**job: Any) -> bytes:
    return json.dumps({"type": "echo"} | job).encode()


async def test_the_answer_is_the_job_as_it_is_read_later(coordinator: Coordinator) -> None:
    receipt = await coordinator.submission.one(body(name="n", delay_seconds=60), ANN)
    read = await coordinator.control.get(receipt.job_id, ANN)
    told = json.loads(receipt.body)
    assert (told["id"], told["status"], told["reason"]) == (read.id, "scheduled", "run_at")
    assert (told["run_at"], told["owner_id"]) == (read.run_at, ANN.id)
    assert not receipt.replayed


async def test_a_key_is_of_its_owner(coordinator: Coordinator) -> None:
    one = coordinator.submission.one
    ann, bob = await one(body(), ANN, "k"), await one(body(name="b"), BOB, "k")
    assert ann.job_id != bob.job_id
    again = await one(body(), ANN, "k")
    assert (again.body, again.job_id, again.replayed) == (ann.body, ann.job_id, True)
    with pytest.raises(IdempotencyMismatch):
        await one(body(name="other"), ANN, "k")


async def test_a_key_in_the_body_is_as_good(coordinator: Coordinator) -> None:
    one = coordinator.submission.one
    first = await one(body(idempotency_key="k"), LOCAL_ADMIN)
    again = await one(body(idempotency_key="k"), LOCAL_ADMIN)
    assert (again.job_id, again.replayed) == (first.job_id, True)
    batch = json.dumps([{"type": "echo", "idempotency_key": "k"}]).encode()
    many = json.loads((await coordinator.submission.many(batch, LOCAL_ADMIN)).body)
    assert many["items"] == [{"outcome": "existing", "id": first.job_id}]


async def test_the_same_key_at_once_is_one_job(coordinator: Coordinator) -> None:
    calls = (coordinator.submission.one(body(), ANN, "k") for _ in range(30))
    receipts = await asyncio.gather(*calls)
    assert len({receipt.body for receipt in receipts}) == 1
    assert sum(not receipt.replayed for receipt in receipts) == 1


@pytest.mark.parametrize("key", ["", "x" * 1000, "\x00", "\ud800"])
async def test_a_key_that_is_none(coordinator: Coordinator, key: str) -> None:
    for call in (
        coordinator.submission.one(body(), ANN, key),
        coordinator.submission.many(b"[]", ANN, key=key),
    ):
        with pytest.raises(InvalidInput) as caught:
            await call
        assert [e.pointer for e in caught.value.errors] == ["/Idempotency-Key"]


async def test_a_waiting_poll_is_woken_before_the_commit(coordinator: Coordinator) -> None:
    woken: list[tuple[str, str, int]] = []
    coordinator.wakeups.ready = lambda *lane: woken.append(lane)  # type: ignore[method-assign]
    jobs = [{"type": "a"}, {"type": "a"}, {"type": "b", "queue": "q"},
            {"type": "b", "delay_seconds": 9}]  # fmt: skip
    submitting = coordinator.submission.many(json.dumps(jobs).encode(), ANN)
    await submitting
    assert woken[:2] == [("default", "a", 2), ("q", "b", 1)]


async def test_an_atomic_batch_stops_at_enough_wrong_jobs(coordinator: Coordinator) -> None:
    wrong = json.dumps([{"type": "echo", "nam": n} for n in range(5000)]).encode()
    with pytest.raises(UnknownField) as caught:
        await coordinator.submission.many(wrong, ANN)
    assert len(caught.value.errors) == 20
    told = json.loads((await coordinator.submission.many(wrong, ANN, atomic=False)).body)
    assert (told["created"], told["refused"], len(told["items"])) == (0, 5000, 5000)


async def test_a_batch_that_is_refused_frees_its_keys(coordinator: Coordinator) -> None:
    one = coordinator.submission.one
    await one(body(name="first", idempotency_key="taken"), ANN)
    items = [{"type": "echo", "idempotency_key": "new"},
             {"type": "echo", "idempotency_key": "taken"}]  # fmt: skip
    with pytest.raises(IdempotencyMismatch) as caught:
        await coordinator.submission.many(json.dumps(items).encode(), ANN)
    assert [e.pointer for e in caught.value.errors] == ["/1/idempotency_key"]
    later = await one(body(name="n", idempotency_key="new"), ANN)
    assert not later.replayed


@pytest.mark.parametrize("on_conflict", ["return_existing", "reject"])
async def test_a_unique_key_has_one_job_however_many_coordinators_take_submits(
    postgres_server: PostgresServer, on_conflict: str
) -> None:
    url = postgres_server.url(name := postgres_server.create())
    both = [Coordinator(Settings(database_url=url)) for _ in range(2)]
    for here in both:
        await here.start()
    keys = [f"key-{number}" for number in range(8)]

    async def submit(number: int) -> tuple[str, str | None]:
        key = keys[number % len(keys)]
        asked = body(unique={"key": key, "on_conflict": on_conflict})
        try:
            return key, (await both[number // 8 % 2].submission.one(asked, ANN)).job_id
        except UniqueTaken:
            return key, None

    found = await asyncio.gather(*(submit(number) for number in range(160)))
    listed = await both[0].control.list(ANN, limit=100)
    holders = {job.unique.key: job.id for job in listed.items if job.unique is not None}
    assert (len(listed.items), sorted(holders)) == (len(keys), keys)
    told = Counter(found)
    if on_conflict == "reject":
        assert all(told[key, holders[key]] == 1 and told[key, None] == 19 for key in keys)
    else:
        assert all(told[key, holders[key]] == 20 for key in keys)
    for here in both:
        await here.stop()
    postgres_server.drop(name)
