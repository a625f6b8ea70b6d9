"""Limits of concurrency keys over HTTP, on both stores."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.calls import Api, fresh_queue, pointers

pytestmark = pytest.mark.anyio


async def states(api: Api, ids: list[str]) -> list[str]:
    return [(await api.job(job_id))["status"] for job_id in ids]


async def limited(api: Api, key: str, most: Any) -> Any:
    return await api.client.put(f"/api/limits/{key}", json={"max_running": most})


async def test_jobs_of_a_key_wait_for_room(api: Api) -> None:
    queue = fresh_queue()
    ids = await api.submit(queue, 4, concurrency_key=queue)
    assert await states(api, ids) == ["pending", "blocked", "blocked", "blocked"]
    assert (await api.job(ids[1]))["reason"] == "concurrency_key"
    told = (await limited(api, queue, 2)).json()
    assert (told["max_running"], told["admitted"], told["waiting"]) == (2, 2, 2)
    worker = await api.register(queue)
    leases = await worker.acquire(10)
    assert [lease["job_id"] for lease in leases] == ids[:2]
    assert await worker.acquire(10) == []
    await worker.complete(leases[0])
    assert await states(api, ids) == ["completed", "running", "pending", "blocked"]
    found = (await api.client.get(f"/api/limits/{queue}")).json()
    assert (found["pending"], found["running"], found["waiting"]) == (1, 1, 1)
    assert (await api.client.delete(f"/api/limits/{queue}")).status_code == 204
    assert (await api.client.get(f"/api/limits/{queue}")).json()["max_running"] == 1
    await worker.complete(leases[1])
    assert await states(api, ids[2:]) == ["pending", "blocked"]


async def test_a_submit_says_whether_the_job_was_admitted(api: Api) -> None:
    queue = fresh_queue()
    body = {"type": "echo", "queue": queue, "concurrencyKey": queue}
    answers = [(await api.client.post("/api/jobs", json=body)).json() for _ in range(2)]
    assert [answer["status"] for answer in answers] == ["pending", "blocked"]
    assert {answer["concurrency_key"] for answer in answers} == {queue}


async def test_a_limit_of_zero_holds_all_back(api: Api) -> None:
    queue = fresh_queue()
    await limited(api, queue, 0)
    ids = await api.submit(queue, 2, concurrency_key=queue)
    assert await states(api, ids) == ["blocked", "blocked"]
    await limited(api, queue, 5)
    assert await states(api, ids) == ["pending", "pending"]


async def test_a_key_nobody_uses_has_the_default(api: Api) -> None:
    found = (await api.client.get("/api/limits/nobody")).json()
    assert (found["max_running"], found["admitted"], found["updated_at"]) == (1, 0, None)


async def test_limits_are_listed_by_key(api: Api) -> None:
    keys = [f"listed-{letter}" for letter in "cab"]
    for key in keys:
        await limited(api, key, 3)
    found: list[str] = []
    after = "listed-"
    while after:
        page = (await api.client.get(f"/api/limits?limit=2&after={after}")).json()
        found += [item["key"] for item in page["items"]]
        after = page["next"]
    assert [key for key in found if key.startswith("listed-")] == sorted(keys)


@pytest.mark.parametrize("most", [-1, 1.5, "2", None, True, 10_000_000])
async def test_a_limit_that_is_none(api: Api, most: Any) -> None:
    assert pointers(await limited(api, "wrong", most))[0] in ("/max_running", "/maxRunning")
    assert pointers(await api.client.put("/api/limits/wrong", json={"max_runing": 1}))


async def test_a_key_that_is_none(api: Api) -> None:
    assert pointers(await limited(api, "k" * 256, 1)) == ["/key"]


@pytest.mark.parametrize("key", ["a/b", "/a", "a//b/", "50 % of ü?#", "preview"])
async def test_a_key_may_hold_any_character(api: Api, key: str) -> None:
    path = f"/api/limits/{quote(key, safe='')}"
    told = await api.client.put(path, json={"max_running": 3})
    assert (told.json()["key"], told.json()["max_running"]) == (key, 3)
    [job] = await api.submit(fresh_queue(), 1, concurrency_key=key)
    assert (await api.job(job))["concurrency_key"] == key
    found = (await api.client.get(path)).json()
    assert (found["key"], found["pending"]) == (key, 1)
    assert (await api.client.delete(path)).status_code == 204
    assert (await api.client.get(path)).json()["max_running"] == 1
    await api.client.post(f"/api/jobs/{job}/cancel")


async def test_a_list_goes_on_beyond_the_longest_key(api: Api) -> None:
    prefix = fresh_queue()
    keys = [(prefix + letter * 255)[:255] for letter in "xyz"]
    for key in keys:
        assert (await limited(api, key, 2)).status_code == 200
    found: list[str] = []
    after: str | None = prefix
    while after is not None and len(found) < 3:
        page = await api.client.get("/api/limits", params={"limit": 1, "after": after})
        assert page.status_code == 200, page.text
        found += [item["key"] for item in page.json()["items"]]
        after = page.json()["next"]
    assert found == keys
    too_long = await api.client.get("/api/limits", params={"after": "x" * 256})
    assert pointers(too_long) == ["/after"]
