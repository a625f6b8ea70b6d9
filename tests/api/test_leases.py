"""The worker routes: the lease protocol as a worker in any language speaks it."""

from __future__ import annotations

import asyncio
from statistics import median
from time import perf_counter
from typing import Any

import httpx
import pytest

from tenure.domain.clock import SECOND
from tests.api.calls import Api, Member, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio

LEASE = {
    "job_id", "fence", "attempt", "max_attempts", "type", "name", "queue", "payload", "parents",
    "checkpoint", "workflow_id", "timeout_seconds", "lease_seconds", "tags",
}  # fmt: skip


async def _waiting(api: Api, member: Member) -> asyncio.Task[list[dict[str, Any]]]:
    """A long poll that has looked and now waits."""
    polling = asyncio.create_task(member.acquire(wait=20))
    while member.id not in api.coordinator.wakeups.waiting_workers():
        await asyncio.sleep(0.001)
    return polling


async def test_a_lease_says_all_a_worker_needs(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue, name="n", tags=["t"], timeout_seconds=9)
    member = await api.register(queue)
    [lease] = await member.acquire()
    assert set(lease) == LEASE
    assert (lease["job_id"], lease["fence"], lease["attempt"]) == (job_id, 1, 1)
    assert (lease["name"], lease["tags"], lease["timeout_seconds"]) == ("n", ["t"], 9.0)
    assert (lease["parents"], lease["checkpoint"], lease["workflow_id"]) == ({}, None, None)
    assert lease["lease_seconds"] == 30.0
    job = await api.job(job_id)
    assert (job["status"], job["worker_id"], job["attempt"]) == ("running", member.id, 1)


async def test_a_worker_holds_no_more_than_its_slots(api: Api) -> None:
    queue = fresh_queue()
    await api.submit(queue, 9)
    member = await api.register(queue, slots=3)
    first = await member.acquire(slots=2)
    second = await member.acquire(slots=10)
    assert (len(first), len(second)) == (2, 1)
    assert await member.acquire(slots=10) == []
    await member.complete(first[0])
    assert len(await member.acquire(slots=10)) == 1


async def test_two_acquires_at_once_do_not_exceed_the_slots(api: Api) -> None:
    queue = fresh_queue()
    await api.submit(queue, 30)
    member = await api.register(queue, slots=4)
    found = await asyncio.gather(*(member.acquire(slots=4) for _ in range(6)))
    assert sum(map(len, found)) <= 4
    assert len(await member.acquire(slots=4)) == 4 - sum(map(len, found))


async def test_what_was_not_registered_is_refused(api: Api) -> None:
    member = await api.register(fresh_queue())
    assert pointers(await member.ask(queues=["other"])) == ["/queues"]
    assert pointers(await member.ask(types=["other"])) == ["/types"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"slots": -1}, "/slots"), ({"slots": 10_001}, "/slots"), ({"slots": 1.5}, "/slots"),
        ({"wait_seconds": -1}, "/wait_seconds"), ({"worker_id": "x"}, "/worker_id"),
        ({"queues": "default"}, "/queues"), ({"types": [1]}, "/types/0"),
        ({"wait_second": 1}, "/wait_second"), ({"queues": ["x"] * 101}, "/queues"),
    ],
)  # fmt: skip
async def test_an_acquire_that_is_wrong(api: Api, change: dict[str, Any], pointer: str) -> None:
    member = await api.register(fresh_queue())
    assert pointers(await member.ask(**change)) == [pointer]


async def test_a_worker_nobody_knows_registers_again(api: Api) -> None:
    member = await api.register(fresh_queue())
    assert (await api.client.delete(f"/api/workers/{member.id}")).status_code == 204
    problem(await member.ask(), 404, "worker_unknown")
    problem(await member.beat([]), 404, "worker_unknown")
    stranger = Member(api, "0193474a-0000-7000-8000-00000000ffff", ["q"], ["echo"])
    problem(await stranger.ask(), 404, "worker_unknown")


async def test_a_submit_wakes_a_long_poll_at_once(api: Api) -> None:
    queue = fresh_queue()
    member = await api.register(queue)
    delays = []
    for _ in range(15):
        polling = await _waiting(api, member)
        began = perf_counter()
        [job_id] = await api.submit(queue)
        [lease] = await polling
        delays.append(perf_counter() - began)
        assert lease["job_id"] == job_id
        await member.complete(lease)
    assert median(delays) < 0.05, delays
    assert max(delays) < 1, delays


async def test_a_poll_that_finds_nothing_waits_as_long_as_asked(api: Api) -> None:
    member = await api.register(fresh_queue())
    began = perf_counter()
    answer = (await member.ask(wait=0.15)).json()
    assert 0.14 < perf_counter() - began < 2
    assert (answer["leases"], answer["drain"]) == ([], False)
    assert 0.14 < answer["waited_seconds"] < 2


async def test_one_of_many_waiting_polls_gets_the_job(api: Api) -> None:
    queue = fresh_queue()
    members = [await api.register(queue) for _ in range(5)]
    polls = [await _waiting(api, member) for member in members]
    ids = await api.submit(queue, 3)
    done, waiting = await asyncio.wait(polls, timeout=0.5)
    leased = [lease["job_id"] for poll in done for lease in poll.result()]
    assert sorted(leased) == ids
    for member, poll in zip(members, polls, strict=True):
        if poll in waiting:
            await api.client.post(f"/api/workers/{member.id}/drain")
            assert await poll == []


async def test_a_full_worker_is_woken_by_a_cancel_and_by_a_drain(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue)
    member = await api.register(queue, slots=1)
    [lease] = await member.acquire()

    async def polling() -> dict[str, Any]:
        found: dict[str, Any] = (await member.ask(slots=0, wait=20)).json()
        return found

    poll = asyncio.create_task(polling())
    await asyncio.sleep(0.02)
    await api.client.post(f"/api/jobs/{job_id}/cancel", json={"reason": "enough"})
    told = await asyncio.wait_for(poll, 0.9)
    assert told["cancel"] == [
        {"job_id": job_id, "fence": 1, "reason": "enough", "grace_seconds": 10.0}
    ]
    poll = asyncio.create_task(polling())
    await asyncio.sleep(0.02)
    assert not poll.done()
    await api.client.post(f"/api/workers/{member.id}/drain")
    assert (await asyncio.wait_for(poll, 0.9))["drain"] is True
    beat = (await member.beat([lease])).json()
    assert beat["drain"] is True
    assert [item["job_id"] for item in beat["cancel"]] == [job_id]
    done = await member.complete(lease, outcome="cancelled")
    assert done.json()["status"] == "cancelled"


async def test_a_heartbeat_says_what_is_lost(api: Api) -> None:
    queue = fresh_queue()
    await api.submit(queue, 2)
    member, other = await api.register(queue), await api.register(queue)
    [mine], [theirs] = await member.acquire(), await other.acquire()
    told = (await member.beat([mine, theirs, mine | {"fence": 9}])).json()
    lost = [(item["job_id"], item["fence"]) for item in told["lost"]]
    assert sorted(lost) == sorted([(theirs["job_id"], 1), (mine["job_id"], 9)])
    assert (told["cancel"], told["drain"]) == ([], False)
    assert (await other.beat([theirs])).json()["lost"] == []


async def test_a_heartbeat_carries_progress_and_checkpoint(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue, retry_policy={"strategy": "fixed", "jitter": 0,
                                                     "initial_delay_seconds": 0})  # fmt: skip
    member = await api.register(queue)
    [lease] = await member.acquire()
    held = {
        "job_id": job_id, "fence": 1, "checkpoint": {"at": 7},
        "progress": {"fraction": 0.25, "message": "a quarter \x00"},
    }  # fmt: skip
    answer = await api.client.post(f"/api/workers/{member.id}/heartbeat", json={"leases": [held]})
    assert answer.status_code == 200, answer.text
    assert (await api.job(job_id))["progress"] == {"fraction": 0.25, "message": "a quarter \ufffd"}
    await member.complete(lease, outcome="failed", error={"message": "no"})
    [again] = await member.acquire(wait=10)
    assert (again["checkpoint"], again["attempt"], again["fence"]) == ({"at": 7}, 2, 2)


@pytest.mark.parametrize(
    ("held", "pointer", "status"),
    [
        ({"job_id": "x"}, "/leases/0/job_id", 422),
        ({"fence": -1}, "/leases/0/fence", 422),
        ({"fence": 2**64}, "/leases/0/fence", 422),
        ({"progress": {"fraction": 2}}, "/leases/0/progress/fraction", 422),
        ({"progres": {}}, "/leases/0/progres", 422),
        ({"checkpoint": "x" * 70_000}, None, 413),
    ],
)
async def test_a_heartbeat_that_is_wrong(
    api: Api, held: dict[str, Any], pointer: str | None, status: int
) -> None:
    member = await api.register(fresh_queue())
    lease = {"job_id": member.id, "fence": 1} | held
    answer = await api.client.post(f"/api/workers/{member.id}/heartbeat", json={"leases": [lease]})
    told = problem(answer, status)
    if pointer is not None:
        assert [item["pointer"] for item in told["errors"]] == [pointer]


async def test_a_lease_whose_answer_was_lost_comes_back(fresh: Api) -> None:
    queue = fresh_queue()
    [job_id] = await fresh.submit(queue)
    member = await fresh.register(queue)
    await member.acquire()
    assert (await member.beat([])).json()["lost"] == []
    assert (await fresh.job(job_id))["status"] == "running"
    clock = fresh.coordinator.clock
    clock.adjust(clock.now() - clock.monotonic() + 11 * SECOND)
    await member.beat([])
    job = await fresh.job(job_id)
    assert (job["status"], job["attempt"], job["lost"]) == ("pending", 0, 0)
    [again] = await member.acquire()
    assert (again["fence"], again["attempt"]) == (2, 1)


async def test_a_result_is_accepted_once(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue)
    member, other = await api.register(queue), await api.register(queue)
    [lease] = await member.acquire()
    problem(await other.complete(lease), 409, "lease_lost")
    problem(await member.complete(lease | {"fence": 2}), 409, "lease_lost")
    first = await member.complete(lease, result={"n": 1})
    assert (first.status_code, first.json()["result"]) == (200, {"n": 1})
    again = await member.complete(lease, result={"n": 1})
    assert (again.status_code, again.content) == (200, first.content)
    problem(await member.complete(lease, result={"n": 2}), 409, "lease_lost")
    failed = await member.complete(lease, outcome="failed", error={"message": "x"})
    problem(failed, 409, "lease_lost")
    assert (await api.job(job_id))["result"] == {"n": 1}


async def test_success_of_earlier_systems_is_an_outcome(api: Api) -> None:
    queue = fresh_queue()
    await api.submit(queue, 2, max_retries=0)
    member = await api.register(queue)
    good, bad = await member.acquire(slots=2)
    body = {"workerId": member.id, "fence": 1, "success": True}
    answer = await api.client.post(f"/api/jobs/{good['job_id']}/complete", json=body)
    assert answer.json()["status"] == "completed"
    body["success"] = False
    answer = await api.client.post(f"/api/jobs/{bad['job_id']}/complete", json=body)
    assert answer.json()["status"] == "failed"
    neither = {"worker_id": member.id, "fence": 1}
    answer = await api.client.post(f"/api/jobs/{good['job_id']}/complete", json=neither)
    assert pointers(answer) == ["/outcome"]


async def test_a_batch_of_reports_is_answered_one_by_one(api: Api) -> None:
    queue = fresh_queue()
    await api.submit(queue, 3)
    member, other = await api.register(queue), await api.register(queue)
    mine = await member.acquire(slots=2)
    [theirs] = await other.acquire()
    reports = [
        {"job_id": lease["job_id"], "fence": 1, "outcome": "completed", "result": 1}
        for lease in (*mine, theirs)
    ]
    body = {"worker_id": member.id, "reports": reports}
    first = (await api.client.post("/api/jobs/complete", json=body)).json()["results"]
    assert [item["status"] for item in first] == ["accepted", "accepted", "lost"]
    second = (await api.client.post("/api/jobs/complete", json=body)).json()["results"]
    assert [item["status"] for item in second] == ["repeated", "repeated", "lost"]
    assert [item["job_id"] for item in second] == [item["job_id"] for item in reports]
    empty = await api.client.post("/api/jobs/complete", json=body | {"reports": []})
    assert empty.json() == {"results": []}


async def test_the_other_ways_an_attempt_ends(api: Api) -> None:
    queue = fresh_queue()
    await api.submit(queue, 4)
    member = await api.register(queue)
    snoozed, final, timed, later = await member.acquire(slots=4)
    answer = await member.complete(snoozed, outcome="snoozed", snooze_seconds=60)
    assert (answer.json()["status"], answer.json()["attempt"]) == ("scheduled", 0)
    answer = await member.complete(final, outcome="failed", retryable=False, error={"type": "T"})
    assert (answer.json()["status"], answer.json()["reason"]) == ("failed", "non_retryable")
    assert answer.json()["error"]["type"] == "T"
    answer = await member.complete(timed, outcome="timeout")
    assert answer.json()["status"] == "scheduled"
    answer = await member.complete(later, outcome="failed", retry_after_seconds=3600)
    assert answer.json()["status"] == "scheduled"
    for field in ("snooze_seconds", "retry_after_seconds"):
        answer = await member.complete(later, outcome="failed", **{field: -1})
        assert pointers(answer) == [f"/{field}"]


async def test_a_result_and_an_error_beyond_their_limits(api: Api) -> None:
    queue = fresh_queue()
    await api.submit(queue, 2, max_retries=0)
    member = await api.register(queue)
    large, long = await member.acquire(slots=2)
    answer = await member.complete(large, result="x" * 1_100_000)
    problem(answer, 413, "too_large")
    text = "head" + "x" * 500_000 + "tail"
    answer = await member.complete(
        long, outcome="failed", error={"type": "E", "message": text, "traceback": text}
    )
    error = answer.json()["error"]
    for part in (error["message"], error["traceback"]):
        assert part.startswith("head")
        assert part.endswith("tail")
        assert len(part) < 64 * 1024


@pytest.mark.parametrize("text", [b"\\u0000", b"\\ud800", b"\\udfff\\u0000x", b"\xff\xfe"])
async def test_a_failure_with_unstorable_text_still_fails_the_job(api: Api, text: bytes) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue, max_retries=0)
    member = await api.register(queue)
    await member.acquire()
    body = (
        b'{"worker_id":"%s","fence":1,"outcome":"failed","result":"%s",'
        b'"error":{"type":"%s","message":"a%sb","traceback":"%s"}}'
    ) % (member.id.encode(), text, text, text, text)
    answer = await api.send("POST", f"/api/jobs/{job_id}/complete", body)
    assert answer.status_code == 200, answer.text
    job = await api.job(job_id)
    assert (job["status"], job["reason"]) == ("failed", "error")
    assert job["error"]["message"].startswith("a\ufffd")


async def test_released_leases_come_back_with_their_attempt(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue)
    member, other = await api.register(queue), await api.register(queue)
    [lease] = await member.acquire()
    body = {"worker_id": other.id, "leases": [{"job_id": job_id, "fence": 1, "started": False}]}
    answer = await api.client.post("/api/jobs/release", json=body)
    assert answer.json() == {"released": 0}
    body["worker_id"] = member.id
    polling = await _waiting(api, other)
    answer = await api.client.post("/api/jobs/release", json=body)
    assert answer.json() == {"released": 1}
    [again] = await asyncio.wait_for(polling, 0.9)
    assert (again["job_id"], again["fence"], again["attempt"]) == (job_id, 2, 1)
    problem(await member.complete(lease), 409, "lease_lost")


async def test_log_lines_sent_twice_are_stored_once(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue)
    member = await api.register(queue)
    [lease] = await member.acquire()
    lines = [{"at": "2026-01-01T00:00:00Z", "level": "info", "text": f"line {n}"} for n in range(3)]
    path = f"/api/jobs/{job_id}/logs"

    async def send(**change: Any) -> httpx.Response:
        body = {"worker_id": member.id, "fence": 1, "from": 0, "lines": lines} | change
        return await api.client.post(path, json=body)

    assert (await send()).json() == {"stored": 3}
    assert (await send()).json() == {"stored": 0}
    odd = [{"at": "soon", "level": "\x00", "text": "\x00"}]
    assert (await send(**{"from": 3, "lines": odd})).json() == {"stored": 1}
    read = (await api.client.get(path)).json()["items"]
    assert [item["text"] for item in read] == ["line 0", "line 1", "line 2", "\ufffd"]
    assert [item["index"] for item in read] == [0, 1, 2, 3]
    problem(await send(fence=2), 409, "lease_lost")
    assert pointers(await send(**{"from": 2**63 - 1})) == ["/from"]
    assert pointers(await send(lines=[{"at": 1, "text": "x"}])) == ["/lines/0/at"]
    await member.complete(lease)
    assert (await send(**{"from": 4})).status_code in (200, 409)


async def test_goodbye_gives_everything_back(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue)
    member, other = await api.register(queue), await api.register(queue)
    await member.acquire()
    polling = await _waiting(api, other)
    for _ in range(2):
        answer = await api.client.delete(f"/api/workers/{member.id}")
        assert (answer.status_code, answer.content) == (204, b"")
    [lease] = await asyncio.wait_for(polling, 0.9)
    assert (lease["job_id"], lease["attempt"]) == (job_id, 1)
