"""A secret goes in by every path, and comes out at the worker alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from loguru import logger

from tenure.api.app import ROUTES
from tenure.store import schema
from tests.api.calls import Api, Member, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio

CANARY = "canary-7f3a9c"
MASK = "********"
SCHEMA = {
    "type": "object",
    "properties": {
        "password": {"type": "string", "format": "password", "writeOnly": True},
        "user": {"type": "string"},
        "keys": {"type": "array", "items": {"properties": {"value": {"writeOnly": True}}}},
    },
}
PAYLOAD = {"user": "ann", "password": CANARY, "keys": [{"value": CANARY, "n": 1}]}
KEPT = {"jobs", "schedules"}
"""Tables that hold the payloads themselves."""


class Outputs:
    """Everything anybody was told, but the worker that runs the jobs."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.texts: list[str] = []

    async def call(self, method: str, path: str, **asked: Any) -> Any:
        answer = await self.api.client.request(method, path, timeout=30, **asked)
        self.note(answer)
        assert answer.status_code < 300, (method, path, answer.text)
        return answer.json() if answer.content else None

    def note(self, answer: httpx.Response) -> httpx.Response:
        self.texts.append(f"{answer.request.url} {answer.headers} {answer.text}")
        return answer


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """All that is logged meanwhile."""
    lines: list[str] = []
    sink = logger.add(lines.append, level=0, format="{message} {extra} {exception}")
    yield lines
    logger.remove(sink)


async def _worker(api: Api, queue: str, type_: str) -> Member:
    body = {"name": "w", "queues": [queue], "types": [{"name": type_, "schema": SCHEMA}]}
    answer = await api.client.post("/api/workers/register", json=body)
    assert answer.status_code == 201, answer.text
    return Member(api, answer.json()["worker_id"], [queue], [type_])


async def _submitted_everywhere(out: Outputs, queue: str, type_: str) -> dict[str, str]:
    """Ids of what the secret went in by, by the name of the path parameter."""
    job = {"type": type_, "queue": queue, "payload": PAYLOAD}
    one = await out.call("POST", "/api/jobs", json=job)
    await out.call("POST", "/api/jobs?x", json=job, headers={"Prefer": "wait=0"})
    for _ in range(2):
        await out.call("POST", "/api/jobs", json=job, headers={"Idempotency-Key": queue})
        await out.call("POST", "/api/jobs", json=job | {"unique": {"key": queue}})
    replaced = {"unique": {"key": queue, "on_conflict": "replace"}}
    await out.call("POST", "/api/jobs", json=job | replaced)
    await out.call("POST", "/api/jobs", json=job | {"concurrency_key": queue})
    await out.call("POST", "/api/jobs/batch", json=[job, job])
    lines = "\n".join(json.dumps(job) for _ in range(2)).encode()
    ndjson = {"Content-Type": "application/x-ndjson"}
    await out.call("POST", "/api/jobs/batch?atomic=false", content=lines, headers=ndjson)
    flow = {"name": "f", "jobs": [job | {"key": "a"}, job | {"key": "b", "depends_on": ["a"]}]}
    workflow = await out.call("POST", "/api/workflows", json=flow)
    schedule = {"cron": "0 0 1 1 *", "name": queue, "job": job}
    made = await out.call("POST", "/api/schedules", json=schedule)
    nodes = {"jobs": [{"key": "a", **job}]}
    await out.call("POST", "/api/schedules", json={"every_seconds": 86_400, "workflow": nodes})
    await out.call("POST", f"/api/schedules/{made['id']}/trigger", json={})
    edit = {"payload": PAYLOAD | {"user": "bob"}}
    await out.call("PATCH", f"/api/jobs/{one['id']}", json=edit)
    await out.call("PUT", f"/api/jobs/{one['id']}", json=edit | {"priority": 5})
    await out.call("PATCH", f"/api/schedules/{made['id']}", json={"job": job})
    operation = {"action": "priority", "filter": f"queue:{queue}", "priority": 1}
    begun = await out.call("POST", "/api/operations", json=operation)
    await out.call("PUT", f"/api/limits/{queue}", json={"max_running": 2})
    return {
        "job_id": one["id"], "workflow_id": workflow["id"], "schedule_id": made["id"],
        "operation_id": begun["id"], "fence": "1", "key": queue, "fingerprint": "x",
    }  # fmt: skip


async def _work(out: Outputs, member: Member, queue: str) -> None:
    """Run what there is: the worker sees the secret, its errors and answers are read."""
    leases = await member.acquire(slots=3)
    assert all(CANARY in json.dumps(lease["payload"]) for lease in leases)
    assert leases[0]["payload"]["keys"] == PAYLOAD["keys"]
    done, failed, lost = leases
    out.note(await member.complete(done, result={"ok": True}))
    told = {"type": "Error", "message": "no", "traceback": "t"}
    out.note(await member.complete(failed, outcome="failed", error=told, retryable=False))
    out.note(await member.complete(lost, fence=99))
    await out.call("POST", f"/api/jobs/{failed['job_id']}/retry", json={"reason": "r"})
    await out.call("POST", f"/api/jobs/{lost['job_id']}/cancel", json={})
    child = {"type": member.types[0], "queue": queue, "payload": PAYLOAD}
    parent = {"job_id": lost["job_id"], "fence": lost["fence"]}
    out.note(
        await out.api.client.post("/api/jobs", json=child | {"parent": parent, "key": "child"})
    )


async def _read_everything(out: Outputs, ids: dict[str, str], member: Member) -> None:
    """Every GET route there is, about what was made."""
    known = ids | {"worker_id": member.id}
    for route in ROUTES:
        if "GET" not in route.http_methods:
            continue
        for path in route.paths:
            if path == "/api/events":
                continue
            for name, value in known.items():
                path = path.replace(f"{{{name}:str}}", value).replace(f"{{{name}:int}}", value)
            out.note(await out.api.client.get(path))
    for q in (CANARY, f"payload.password:{CANARY}", "payload.password:canary*"):
        found = await out.call("GET", "/api/jobs", params={"q": q})
        assert found["items"] == []
        out.texts.pop()  # the answer's own URL has what was asked


async def test_a_secret_comes_out_at_the_worker_alone(api: Api, logged: list[str]) -> None:
    queue = fresh_queue()
    type_ = f"login-{queue}"
    member = await _worker(api, queue, type_)
    out = Outputs(api)
    ids = await _submitted_everywhere(out, queue, type_)
    await _work(out, member, queue)
    await _read_everything(out, ids, member)
    shown = [text for text in out.texts if CANARY in text]
    assert shown == []
    assert any(MASK in text for text in out.texts)
    assert [line for line in logged if CANARY in line] == []

    def dump(conn: sa.Connection) -> list[str]:
        return [
            f"{table.name}: {row}"
            for table in schema.metadata.sorted_tables
            if table.name not in KEPT
            for row in conn.execute(sa.select(table))
            if CANARY in str(row)
        ]

    assert await api.coordinator.store.read(dump) == []


async def test_a_mask_that_is_sent_back_keeps_the_secret(api: Api) -> None:
    queue = fresh_queue()
    type_ = f"login-{queue}"
    member = await _worker(api, queue, type_)
    body = {"type": type_, "queue": queue, "payload": PAYLOAD}
    job = (await api.client.post("/api/jobs", json=body)).json()
    assert job["payload"]["password"] == MASK
    edit = {"payload": job["payload"] | {"user": "bob"}}
    edited = (await api.client.patch(f"/api/jobs/{job['id']}", json=edit)).json()
    assert edited["payload"] == {
        "user": "bob", "password": MASK, "keys": [{"value": MASK, "n": 1}],
    }  # fmt: skip
    [lease] = await member.acquire()
    assert lease["payload"] == PAYLOAD | {"user": "bob"}


async def test_the_same_of_a_schedule(api: Api) -> None:
    queue = fresh_queue()
    type_ = f"login-{queue}"
    member = await _worker(api, queue, type_)
    nodes = [{"key": "a", "type": type_, "queue": queue, "payload": PAYLOAD}]
    for template in ({"job": nodes[0]}, {"workflow": {"jobs": nodes}}):
        if "job" in template:
            template = {"job": {name: nodes[0][name] for name in ("type", "queue", "payload")}}
        sent = {"cron": "0 0 1 1 *"} | template
        made = (await api.client.post("/api/schedules", json=sent)).json()
        path = f"/api/schedules/{made['id']}"
        [kind] = template
        again = {
            "name": "edited",
            kind: json.loads(json.dumps(template[kind]).replace(CANARY, MASK)),
        }
        edited = await api.client.put(path, json=again)
        assert edited.status_code == 200, edited.text
        assert CANARY not in edited.text
        await api.client.post(f"{path}/trigger", json={})
        [lease] = await member.acquire()
        assert lease["payload"] == PAYLOAD


async def test_masks_that_stand_for_nothing_are_refused(api: Api) -> None:
    queue = fresh_queue()
    type_ = f"login-{queue}"
    await _worker(api, queue, type_)
    masked = {"type": type_, "queue": queue, "payload": {"password": MASK}}
    answer = await api.client.post("/api/jobs", json=masked)
    assert pointers(answer) == ["/payload/password"]
    answer = await api.client.post("/api/jobs/batch", json=[masked | {"payload": {}}, masked])
    assert pointers(answer) == ["/1/payload/password"]
    plain = await api.client.post("/api/jobs", json=masked | {"payload": {"user": MASK}})
    assert plain.status_code == 201
    job = plain.json()
    answer = await api.client.patch(f"/api/jobs/{job['id']}", json={"payload": {"password": MASK}})
    assert pointers(answer) == ["/payload/password"]
    made = {"cron": "0 0 1 1 *", "job": {"type": type_, "payload": {}}}
    path = f"/api/schedules/{(await api.client.post('/api/schedules', json=made)).json()['id']}"
    edit = {"job": {"type": type_, "payload": {"password": MASK}}}
    assert pointers(await api.client.put(path, json=edit)) == ["/job/payload/password"]


async def test_new_workflows_and_schedules_refuse_masks_by_name(api: Api) -> None:
    queue = fresh_queue()
    type_ = f"login-{queue}"
    await _worker(api, queue, type_)
    clean = {"key": "a", "type": type_, "queue": queue, "payload": {"user": MASK}}
    masked = {"key": "b", "type": type_, "queue": queue, "payload": {"keys": [{"value": MASK}]}}
    flow = {"jobs": [clean, masked]}
    at = "/jobs/1/payload/keys/0/value"
    assert pointers(await api.client.post("/api/workflows", json=flow)) == [at]
    timed = {"cron": "0 0 1 1 *", "workflow": flow}
    assert pointers(await api.client.post("/api/schedules", json=timed)) == [f"/workflow{at}"]
    job = {"type": type_, "queue": queue, "payload": {"password": MASK}}
    timed = {"cron": "0 0 1 1 *", "job": job}
    answer = await api.client.post("/api/schedules", json=timed)
    assert pointers(answer) == ["/job/payload/password"]
    good = {"jobs": [clean]}
    assert (await api.client.post("/api/workflows", json=good)).status_code == 201
    made = await api.client.post("/api/schedules", json={"cron": "0 0 1 1 *", "workflow": good})
    assert made.status_code == 201
    edit = {"workflow": {"jobs": [clean | {"payload": {"password": MASK}}]}}
    answer = await api.client.put(f"/api/schedules/{made.json()['id']}", json=edit)
    assert pointers(answer) == ["/workflow/jobs/0/payload/password"]


async def test_a_mask_does_not_come_in_with_another_type(api: Api) -> None:
    queue = fresh_queue()
    type_ = f"login-{queue}"
    await _worker(api, queue, type_)
    [job_id] = await api.submit(queue)
    edit = {"type": type_, "payload": {"password": MASK}}
    answer = await api.client.patch(f"/api/jobs/{job_id}", json=edit)
    assert pointers(answer) == ["/payload/password"]
    assert (await api.job(job_id))["type"] == "echo"


async def test_another_type_does_not_uncover_a_secret(api: Api) -> None:
    queue = fresh_queue()
    type_ = f"login-{queue}"
    await _worker(api, queue, type_)
    body = {"type": type_, "queue": queue, "payload": PAYLOAD}
    job = (await api.client.post("/api/jobs", json=body)).json()
    path = f"/api/jobs/{job['id']}"
    refused = await api.client.patch(path, json={"type": "echo"})
    problem(refused, 422)
    assert "give a payload with the new type" in refused.json()["detail"]
    moved = await api.client.patch(path, json={"type": "echo", "payload": job["payload"]})
    assert moved.status_code == 200
    assert CANARY not in moved.text


async def test_types_without_secrets_keep_their_bytes(api: Api) -> None:
    body = b'{"type":"echo","payload":{"password": "x", "n" : 1.10 }}'
    answer = await api.send("POST", "/api/jobs", body)
    assert b'{"password": "x", "n" : 1.10 }' in answer.content
