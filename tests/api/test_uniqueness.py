"""Unique keys over HTTP, on both stores."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.calls import Api, fresh_queue, problem

pytestmark = pytest.mark.anyio


async def submit(api: Api, queue: str, unique: Any, **more: Any) -> Any:
    body = {"type": "echo", "queue": queue, "unique": unique} | more
    return await api.client.post("/api/jobs", json=body)


async def test_the_job_that_has_the_key_is_the_answer(api: Api) -> None:
    queue = fresh_queue()
    first = await submit(api, queue, {"key": queue}, payload=1)
    assert first.json()["unique"] == {
        "key": queue, "scope": "active", "window_seconds": None, "on_conflict": "return_existing",
    }  # fmt: skip
    second = await submit(api, queue, queue, payload=2)
    assert (second.status_code, second.headers["idempotency-replayed"]) == (201, "true")
    assert second.json() == first.json()
    assert second.headers["location"] == f"/api/jobs/{first.json()['id']}"


async def test_a_conflict_is_409_and_names_the_job(api: Api) -> None:
    queue = fresh_queue()
    first = (await submit(api, queue, queue)).json()
    told = {"key": queue, "onConflict": "reject"}
    refused = problem(await submit(api, queue, told), 409, "unique_taken")
    assert first["id"] in refused["detail"]
    assert refused["errors"][0]["pointer"] == "/unique"
    await api.client.post(f"/api/jobs/{first['id']}/cancel")
    second = (await submit(api, queue, told)).json()
    assert second["id"] != first["id"]
    problem(await api.client.post(f"/api/jobs/{first['id']}/retry"), 409, "unique_taken")


async def test_replace_gives_the_waiting_job_new_contents(api: Api) -> None:
    queue = fresh_queue()
    first = (await submit(api, queue, queue, payload=1)).json()
    told = {"key": queue, "on_conflict": "replace"}
    new = (await submit(api, queue, told, payload=2, priority=3, concurrency_key=queue)).json()
    assert (new["id"], new["payload"], new["priority"]) == (first["id"], 2, 3)
    assert new["concurrency_key"] == queue
    worker = await api.register(queue)
    await worker.acquire()
    problem(await submit(api, queue, told, payload=4), 409, "unique_taken")


async def test_a_job_that_was_deleted_leaves_its_key(api: Api) -> None:
    queue = fresh_queue()
    first = (await submit(api, queue, {"key": queue, "scope": "forever"})).json()
    await api.client.post(f"/api/jobs/{first['id']}/cancel")
    again = await submit(api, queue, queue)
    assert again.json()["status"] == "cancelled"
    await api.client.delete(f"/api/jobs/{first['id']}")
    assert (await submit(api, queue, queue)).json()["id"] != first["id"]


async def test_many_submits_at_once_make_one_job(api: Api) -> None:
    queue = fresh_queue()
    answers = await asyncio.gather(*(submit(api, queue, queue, payload=n) for n in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_items_of_a_batch(api: Api) -> None:
    queue = fresh_queue()
    (first,) = await api.submit(queue, unique=queue)
    reject = {"key": queue, "on_conflict": "reject"}
    items = [{"type": "echo", "unique": told} for told in (queue, reject, queue + "-b")]
    answer = await api.client.post("/api/jobs/batch?atomic=false", json=items)
    found = answer.json()
    assert [item["outcome"] for item in found["items"]] == ["existing", "refused", "created"]
    assert found["items"][0]["id"] == first
    assert found["items"][1]["error"]["code"] == "unique_taken"
    whole = await api.client.post("/api/jobs/batch", json=items)
    assert problem(whole, 409, "unique_taken")["errors"][0]["pointer"] == "/1/unique"


async def test_a_batch_is_told_again_what_became_of_it(api: Api) -> None:
    queue = fresh_queue()
    await api.submit(queue, unique=queue)
    items = [{"type": "echo", "unique": queue}, {"type": "echo"}]
    headers = {"Idempotency-Key": queue}
    first, second = [
        await api.client.post("/api/jobs/batch", json=items, headers=headers) for _ in range(2)
    ]
    assert [item["outcome"] for item in first.json()["items"]] == ["existing", "created"]
    assert (second.json(), second.headers["idempotency-replayed"]) == (first.json(), "true")


@pytest.mark.parametrize(
    ("unique", "pointer"),
    [
        ({}, "/unique/key"),
        ({"key": ""}, "/unique/key"),
        ({"key": "k" * 256}, "/unique/key"),
        ({"key": "k", "scope": "window"}, "/unique"),
        ({"key": "k", "window_seconds": 5}, "/unique"),
        ({"key": "k", "scope": "window", "window_seconds": 0}, "/unique/window_seconds"),
        ({"key": "k", "scope": "always"}, "/unique/scope"),
        ({"key": "k", "on_conflct": "reject"}, "/unique/on_conflct"),
        (5, "/unique"),
    ],
)
async def test_a_key_that_is_none(api: Api, unique: Any, pointer: str) -> None:
    found = problem(await submit(api, fresh_queue(), unique), 422)
    assert found["errors"][0]["pointer"].replace("windowSeconds", "window_seconds") == pointer
