"""The job routes for people and programs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.api.calls import Api, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio

SHAPE = {
    "id", "name", "type", "queue", "status", "reason", "priority", "payload", "result", "error",
    "attempt", "max_attempts", "lost", "progress", "tags", "run_at", "expires_at", "created_at",
    "started_at", "finished_at", "worker_id", "owner_id", "on_lost", "timeout_seconds",
    "retry_policy", "retry_until", "cancel_requested", "version",
}  # fmt: skip


async def test_submit_answers_201_with_the_job_and_where_it_is(api: Api) -> None:
    answer = await api.client.post("/api/jobs", json={"type": "echo", "payload": {"a": 1}})
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == f"/api/jobs/{job['id']}"
    assert set(job) >= SHAPE
    assert (job["status"], job["queue"], job["attempt"], job["max_attempts"]) == (
        "pending", "default", 0, 4,
    )  # fmt: skip
    assert job["retry_policy"] == {
        "strategy": "exponential", "initial_delay_seconds": 2.0, "multiplier": 2.0,
        "max_delay_seconds": 3600.0, "jitter": 0.2,
    }  # fmt: skip
    assert await api.job(job["id"]) == job


@pytest.mark.parametrize(
    "payload",
    [
        b"1.10", b"1180591620717411303424", b'{"a": 1.0, "a": 1e400}', b"[ 1 ,2]", b"null",
        b'"\\ud83d\\ude00 \\u00e9"', b"-0", b"1E+2",
    ],
)  # fmt: skip
async def test_payload_bytes_come_back_digit_for_digit(api: Api, payload: bytes) -> None:
    queue = fresh_queue()
    body = b'{"type":"echo","queue":"%s","payload":%s}' % (queue.encode(), payload)
    created = await api.send("POST", "/api/jobs", body)
    assert created.status_code == 201
    read = await api.client.get(created.headers["location"])
    member = await api.register(queue)
    leased = await member.ask()
    result = b'{"worker_id":"%s","fence":1,"outcome":"completed","result":%s}' % (
        member.id.encode(), payload,
    )  # fmt: skip
    done = await api.send("POST", f"{created.headers['location']}/complete", result)
    assert b'"result":' + payload in done.content
    for answer in (created, read, leased, done):
        assert b'"payload":' + payload in answer.content


async def test_every_field_in_either_spelling(api: Api) -> None:
    queue = fresh_queue()
    body = {
        "type": "mail", "name": "n", "queue": queue, "priority": 7, "maxRetries": 2,
        "retryPolicy": {"strategy": "FixedBackoff", "initialDelaySeconds": 1.5},
        "delaySeconds": 3600, "timeoutSeconds": 5, "expiresAt": "2999-01-01T00:00:00+02:00",
        "onLost": "fail", "tags": ["a", "b"], "retryUntil": "2999-01-01T00:00:00Z",
    }  # fmt: skip
    answer = await api.client.post("/api/jobs", json=body)
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert (job["max_attempts"], job["status"], job["reason"]) == (3, "scheduled", "run_at")
    assert job["expires_at"] == "2998-12-31T22:00:00.000000Z"
    assert job["retry_policy"]["strategy"] == "fixed"
    assert job["retry_policy"]["initial_delay_seconds"] == 1.5
    assert (job["on_lost"], job["tags"], job["timeout_seconds"]) == ("fail", ["a", "b"], 5.0)
    assert await api.job(job["id"]) == job


async def test_the_same_key_and_body_is_answered_again(api: Api) -> None:
    body = json.dumps({"type": "echo", "queue": fresh_queue(), "payload": 1}).encode()
    headers = {"Idempotency-Key": fresh_queue(), "Content-Type": "application/json"}
    first = await api.client.post("/api/jobs", content=body, headers=headers)
    second = await api.client.post("/api/jobs", content=body, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    other = await api.client.post("/api/jobs", content=body + b" ", headers=headers)
    problem(other, 422, "idempotency_mismatch")


async def test_requests_with_one_key_at_once_make_one_job(api: Api) -> None:
    body = {"type": "echo", "queue": fresh_queue()}
    headers = {"Idempotency-Key": fresh_queue()}
    answers = await asyncio.gather(
        *(api.client.post("/api/jobs", json=body, headers=headers) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    listed = await api.client.get("/api/jobs", params={"queue": body["queue"]})
    assert len(listed.json()["items"]) == 1


async def test_requests_with_one_key_and_two_bodies_at_once(api: Api) -> None:
    queue = fresh_queue()
    headers = {"Idempotency-Key": fresh_queue()}
    answers = await asyncio.gather(
        *(
            api.client.post(
                "/api/jobs", json={"type": "echo", "queue": queue, "payload": n % 2},
                headers=headers,
            )
            for n in range(10)
        )
    )  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [422] * 5


async def test_a_batch_as_array_and_as_lines(api: Api) -> None:
    queue = fresh_queue()
    items = [{"type": "echo", "queue": queue, "payload": n} for n in range(3)]
    array = await api.client.post("/api/jobs/batch", json=items)
    lines = "\n".join(map(json.dumps, items)) + "\n\n"
    ndjson = await api.send("POST", "/api/jobs/batch", lines.encode(), "application/x-ndjson")
    for answer in (array, ndjson):
        assert answer.status_code == 201
        found = answer.json()
        assert (found["created"], found["existing"], found["refused"]) == (3, 0, 0)
        jobs = [await api.job(item["id"]) for item in found["items"]]
        assert [job["payload"] for job in jobs] == [0, 1, 2]


async def test_a_batch_is_all_or_nothing_unless_told_otherwise(api: Api) -> None:
    queue = fresh_queue()
    items: list[Any] = [
        {"type": "echo", "queue": queue},
        {"type": "echo", "queue": queue, "priority": 1000},
        {"type": "echo", "queue": queue, "prioritty": 1},
    ]
    refused = await api.client.post("/api/jobs/batch", json=items)
    assert pointers(refused) == ["/1/priority", "/2/prioritty"]
    assert (await api.client.get("/api/jobs", params={"queue": queue})).json()["items"] == []
    answer = await api.client.post("/api/jobs/batch?atomic=false", json=items)
    assert answer.status_code == 201
    found = answer.json()
    assert (found["created"], found["refused"]) == (1, 2)
    assert [item["outcome"] for item in found["items"]] == ["created", "refused", "refused"]
    assert found["items"][2]["error"]["errors"][0]["detail"].endswith("did you mean priority?")


async def test_keys_of_items_and_of_the_request(api: Api) -> None:
    queue, key = fresh_queue(), fresh_queue()
    items = [
        {"type": "echo", "queue": queue, "payload": n, "idempotency_key": f"{key}-{n}"}
        for n in range(2)
    ]
    first = (await api.client.post("/api/jobs/batch", json=items)).json()
    again = (await api.client.post("/api/jobs/batch", json=items)).json()
    assert [item["outcome"] for item in again["items"]] == ["existing", "existing"]
    assert [i["id"] for i in again["items"]] == [i["id"] for i in first["items"]]
    other = [items[0] | {"payload": "other"}, {"type": "echo", "queue": queue}]
    answer = await api.client.post("/api/jobs/batch?atomic=false", json=other)
    assert [i["outcome"] for i in answer.json()["items"]] == ["refused", "created"]
    both = await api.client.post("/api/jobs/batch", json=items, headers={"Idempotency-Key": key})
    assert pointers(both) == ["/Idempotency-Key"]


async def test_a_batch_with_a_key_is_answered_again(api: Api) -> None:
    items = [{"type": "echo", "queue": fresh_queue()}, {"type": "no such name"}]
    headers = {"Idempotency-Key": fresh_queue()}
    path = "/api/jobs/batch?atomic=false"
    one = await api.client.post(path, json=items, headers=headers)
    two = await api.client.post(path, json=items, headers=headers)
    assert [item["outcome"] for item in one.json()["items"]] == ["created", "refused"]
    assert two.content == one.content
    assert two.headers["idempotency-replayed"] == "true"
    different = await api.client.post("/api/jobs/batch", json=items[:1], headers=headers)
    problem(different, 422, "idempotency_mismatch")


async def test_ten_thousand_jobs_in_one_request_and_not_one_more(api: Api) -> None:
    queue = fresh_queue()
    item = b'{"type":"echo","queue":"%s","payload":{"n":1}}' % queue.encode()
    whole = await api.send("POST", "/api/jobs/batch", b"[" + b",".join([item] * 10_000) + b"]")
    assert whole.status_code == 201
    assert whole.json()["created"] == 10_000
    more = await api.send("POST", "/api/jobs/batch", b"[" + b",".join([item] * 10_001) + b"]")
    assert "10000" in problem(more, 413, "too_large")["detail"]
    lines = await api.send(
        "POST", "/api/jobs/batch", b"\n".join([item] * 10_001), "application/x-ndjson"
    )
    problem(lines, 413, "too_large")
    huge = await api.send("POST", "/api/jobs/batch", b"[" + b" " * 9_000_000 + b"]")
    problem(huge, 413, "too_large")


async def test_an_empty_batch_creates_nothing(api: Api) -> None:
    answer = await api.client.post("/api/jobs/batch", json=[])
    assert answer.status_code == 201
    assert answer.json() == {"created": 0, "existing": 0, "refused": 0, "items": []}


async def test_waiting_for_the_end_of_a_job(api: Api) -> None:
    queue = fresh_queue()
    member = await api.register(queue)
    submitting = asyncio.create_task(
        api.client.post(
            "/api/jobs", json={"type": "echo", "queue": queue}, headers={"Prefer": "wait=20"}
        )
    )
    [lease] = await member.acquire(wait=10)
    reading = asyncio.create_task(api.client.get(f"/api/jobs/{lease['job_id']}?wait=20"))
    await asyncio.sleep(0.02)
    assert not reading.done()
    assert (await member.complete(lease, result={"n": 1})).status_code == 200
    submitted = await asyncio.wait_for(submitting, 0.9)
    assert submitted.status_code == 201
    assert submitted.headers["preference-applied"] == "wait=20"
    read = await asyncio.wait_for(reading, 0.9)
    for job in (submitted.json(), read.json()):
        assert (job["status"], job["result"]) == ("completed", {"n": 1})


async def test_waiting_ends_without_an_end(api: Api) -> None:
    body = {"type": "echo", "queue": fresh_queue()}
    answer = await api.client.post("/api/jobs", json=body, headers={"Prefer": "wait=0.05"})
    assert (answer.status_code, answer.json()["status"]) == (201, "pending")
    read = await api.client.get(f"/api/jobs/{answer.json()['id']}?wait=0.05")
    assert read.json()["status"] == "pending"


@pytest.mark.parametrize("wait", ["-1", "nan", "x", "-inf"])
async def test_a_wait_that_is_none(api: Api, wait: str) -> None:
    [job_id] = await api.submit(fresh_queue())
    assert pointers(await api.client.get(f"/api/jobs/{job_id}?wait={wait}")) == ["/wait"]
    answer = await api.client.post(
        "/api/jobs", json={"type": "echo"}, headers={"Prefer": f"wait={wait}"}
    )
    assert pointers(answer) == ["/Prefer"]


async def test_lists_by_queue_type_tag_status_and_text(api: Api) -> None:
    queue = fresh_queue()
    client = api.client
    ids = await api.submit(queue, 2, tags=["red"])
    [mail] = await api.submit(queue, type="mail", name="to Ann")
    await client.post(f"/api/jobs/{ids[0]}/cancel")
    await client.post(f"/api/jobs/{ids[1]}/pause")

    async def listed(**params: Any) -> list[str]:
        answer = await client.get("/api/jobs", params={"queue": queue} | params)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await listed() == [mail, ids[1], ids[0]]
    assert await listed(type="mail") == [mail]
    assert await listed(tag="red") == [ids[1], ids[0]]
    assert await listed(status="stopped") == [ids[0]]
    assert await listed(status="Queued") == [mail]
    assert await listed(status="pending,paused") == [mail, ids[1]]
    assert await listed(status=["paused", "cancelled"]) == [ids[1], ids[0]]
    assert await listed(status="dead") == []
    assert await listed(status="in-progress") == []
    assert await listed(q="Ann") == [mail]
    assert pointers(await client.get("/api/jobs?status=sleeping")) == ["/status"]


async def test_a_list_is_walked_by_cursor_and_by_page(api: Api) -> None:
    queue = fresh_queue()
    ids = await api.submit(queue, 7)
    seen: list[str] = []
    params: dict[str, Any] = {"queue": queue, "limit": 3}
    while True:
        page = (await api.client.get("/api/jobs", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        params["after"] = page["next"]
    assert seen == ids[::-1]
    second = await api.client.get("/api/jobs", params={"queue": queue, "page": 2, "pageSize": 3})
    assert [item["id"] for item in second.json()["items"]] == ids[::-1][3:6]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"), ("limit=501", "/limit"), ("limit=x", "/limit"),
        ("limit=99999999999999999999999", "/limit"), ("page=0", "/page"), ("page=-1", "/page"),
        ("page=99999999999999999999", "/page"), ("pageSize=0", "/pageSize"),
        ("after=%00", "/after"), ("after=abc", "/after"), ("page=2&after=x", "/page"),
        ("queue=%00", "/queue"), ("q=" + "x" * 2_001, "/q"), ("tag=%00", "/tag"),
        ("type=%00", "/type"),
    ],
)  # fmt: skip
async def test_a_list_asked_wrongly(api: Api, query: str, pointer: str) -> None:
    assert pointers(await api.client.get(f"/api/jobs?{query}")) == [pointer]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_editing_with_a_version(api: Api, method: str) -> None:
    [job_id] = await api.submit(fresh_queue())
    path = f"/api/jobs/{job_id}"

    async def edit(body: dict[str, Any], **headers: str) -> Any:
        return await api.client.request(method, path, json=body, headers=headers)

    read = await api.client.get(path)
    assert read.headers["etag"] == '"1"'
    first = await edit({"priority": 5, "payload": {"b": 2}}, **{"If-Match": '"1"'})
    assert (first.status_code, first.json()["version"]) == (200, 2)
    assert first.headers["etag"] == '"2"'
    assert first.json()["payload"] == {"b": 2}
    problem(await edit({"priority": 6}, **{"If-Match": '"1"'}), 412, "precondition_failed")
    problem(await edit({"priority": 6, "version": 1}), 409, "version_conflict")
    assert pointers(await edit({"priority": 6}, **{"If-Match": "two"})) == ["/If-Match"]
    assert pointers(await edit({"status": "completed"})) == ["/status"]
    assert pointers(await edit({"type": None})) == ["/type"]
    assert pointers(await edit({})) == [""]
    good = await edit({"maxRetries": 1, "version": 2})
    assert (good.json()["max_attempts"], good.json()["priority"]) == (2, 5)


async def test_a_running_job_is_neither_edited_nor_deleted(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue)
    member = await api.register(queue)
    [lease] = await member.acquire()
    problem(await api.client.patch(f"/api/jobs/{job_id}", json={"priority": 1}), 409)
    problem(await api.client.delete(f"/api/jobs/{job_id}"), 409, "illegal_transition")
    await member.complete(lease)
    assert (await api.client.delete(f"/api/jobs/{job_id}")).status_code == 204
    problem(await api.client.get(f"/api/jobs/{job_id}"), 404, "job_not_found")
    problem(await api.client.delete(f"/api/jobs/{job_id}"), 404, "job_not_found")


async def test_a_waiting_job_is_cancelled_and_deleted(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue)
    answer = await api.client.delete(f"/api/jobs/{job_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.client.get("/api/jobs", params={"queue": queue})).json()["items"] == []
    assert await (await api.register(queue)).acquire() == []


async def test_actions_with_and_without_a_body(api: Api) -> None:
    [job_id] = await api.submit(fresh_queue())
    path = f"/api/jobs/{job_id}"
    steps = [("pause", "paused"), ("resume", "pending"), ("cancel", "cancelled"),
             ("retry", "pending")]  # fmt: skip
    for action, status in steps:
        answer = await api.client.post(f"{path}/{action}")
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    for action, status in steps[:3]:
        for _ in range(2):
            answer = await api.client.post(f"{path}/{action}", json={"reason": "so"})
            assert (answer.status_code, answer.json()["status"]) == (200, status)
    problem(await api.client.post(f"{path}/pause"), 409, "illegal_transition")
    told = (await api.client.get(f"{path}/events")).json()["items"]
    assert [(item["event"], item["reason"]) for item in told][-3:] == [
        ("pause", "so"), ("resume", "so"), ("cancel", "so"),
    ]  # fmt: skip


@pytest.mark.parametrize("action", ["cancel", "retry", "pause", "resume"])
async def test_a_reason_that_is_none(api: Api, action: str) -> None:
    [job_id] = await api.submit(fresh_queue())
    path = f"/api/jobs/{job_id}/{action}"
    assert pointers(await api.client.post(path, json={"reason": 3})) == ["/reason"]
    assert pointers(await api.client.post(path, json={"reason": "x" * 1001})) == ["/reason"]
    assert pointers(await api.client.post(path, json={"why": "x"})) == ["/why"]
    assert pointers(await api.send("POST", path, b'{"reason":"\\u0000"}')) == ["/reason"]
    problem(await api.send("POST", path, b"{}", "text/plain"), 415, "unsupported_media_type")


async def test_what_would_be_claimed_next(api: Api) -> None:
    queue = fresh_queue()
    params = {"queue": queue}
    assert (await api.client.get("/api/jobs/next", params=params)).json() is None
    low, high = await api.submit(queue), await api.submit(queue, priority=5)
    listed = (await api.client.get("/api/jobs/pending", params=params)).json()["items"]
    assert [item["job_id"] for item in listed] == high + low
    first = (await api.client.get("/api/jobs/next", params=params)).json()
    assert first == listed[0]
    assert set(first) == {"job_id", "type", "queue", "priority", "run_at"}
    assert pointers(await api.client.get("/api/jobs/pending?limit=0")) == ["/limit"]
    [lease] = await (await api.register(queue)).acquire()
    assert lease["job_id"] == high[0]


async def test_a_job_by_the_beginning_of_its_id(api: Api) -> None:
    [job_id] = await api.submit(fresh_queue())
    assert (await api.job(job_id[:30]))["id"] == job_id
