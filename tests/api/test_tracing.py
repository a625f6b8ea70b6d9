"""A trace that a caller is in goes with what it submits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.calls import Api, fresh_queue, problem

pytestmark = pytest.mark.anyio

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-ffffffffffffffffffffffffffffffff-b7ad6b7169203331-00"
HEADERS = {"traceparent": TRACE}


async def _lease(api: Api, queue: str) -> dict[str, Any]:
    member = await api.register(queue)
    [lease] = await member.acquire()
    return lease


async def test_the_header_goes_with_the_job_to_its_worker(api: Api) -> None:
    queue = fresh_queue()
    body = {"type": "echo", "queue": queue}
    answer = await api.client.post("/api/jobs", json=body, headers=HEADERS)
    assert answer.json()["traceparent"] == TRACE
    assert (await api.job(answer.json()["id"]))["traceparent"] == TRACE
    assert (await _lease(api, queue))["traceparent"] == TRACE


async def test_a_job_of_no_trace_carries_nothing(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue)
    assert (await api.job(job_id))["traceparent"] is None
    assert "traceparent" not in await _lease(api, queue)


@pytest.mark.parametrize("header", ["nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
async def test_a_header_that_is_none_is_as_good_as_absent(api: Api, header: str) -> None:
    body = {"type": "echo", "queue": fresh_queue()}
    answer = await api.client.post("/api/jobs", json=body, headers={"traceparent": header})
    assert (answer.status_code, answer.json()["traceparent"]) == (201, None)


async def test_each_job_of_a_batch_may_be_of_another_trace(api: Api) -> None:
    queue = fresh_queue()
    items = [{"type": "echo", "queue": queue, "traceparent": OTHER}, {"type": "echo"}]
    answer = await api.client.post("/api/jobs/batch", json=items, headers=HEADERS)
    ids = [item["id"] for item in answer.json()["items"]]
    assert [(await api.job(job_id))["traceparent"] for job_id in ids] == [OTHER, TRACE]


async def test_a_field_that_is_no_traceparent_is_refused(api: Api) -> None:
    answer = await api.client.post("/api/jobs", json={"type": "echo", "traceparent": "x"})
    assert problem(answer, 422)["errors"][0]["pointer"] == "/traceparent"


async def test_the_same_job_again_in_another_trace_is_the_same_job(api: Api) -> None:
    body = {"type": "echo", "queue": fresh_queue(), "idempotency_key": "trace-1"}
    first = await api.client.post("/api/jobs", json=body | {"traceparent": TRACE})
    again = await api.client.post("/api/jobs", json=body | {"traceparent": OTHER})
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert again.headers["idempotency-replayed"] == "true"


async def test_workflows_and_schedules_pass_it_on(api: Api) -> None:
    queue = fresh_queue()
    jobs = [{"key": "a", "type": "echo", "queue": queue}, {"key": "b", "type": "echo"}]
    body = {"jobs": jobs}
    made = await api.client.post("/api/workflows", json=body, headers=HEADERS)
    detail = (await api.client.get(f"/api/workflows/{made.json()['id']}")).json()
    found = [await api.job(node["job_id"]) for node in detail["nodes"]]
    assert [job["traceparent"] for job in found] == [TRACE, TRACE]

    template = {"type": "echo", "queue": queue, "traceparent": OTHER}
    schedule = {"name": queue, "every_seconds": 3600, "job": template}
    made = await api.client.post("/api/schedules", json=schedule)
    assert made.json()["job"]["traceparent"] == OTHER
    fired = await api.client.post(f"/api/schedules/{made.json()['id']}/trigger", json={})
    assert (await api.job(fired.json()["id"]))["traceparent"] == OTHER
