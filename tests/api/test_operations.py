"""Operations over HTTP, with the duty that carries them out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.calls import Api, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio
NOBODY = "0193474a-0000-7000-8000-00000000ffff"


async def begin(api: Api, **asked: Any) -> dict[str, Any]:
    answer = await api.client.post("/api/operations", json=asked)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/operations/{found['id']}"
    return found


async def ended(api: Api, operation: dict[str, Any]) -> dict[str, Any]:
    """The operation once it does no more."""
    while operation["status"] == "running":
        await asyncio.sleep(0.01)
        operation = (await api.client.get(f"/api/operations/{operation['id']}")).json()
    return operation


async def statuses(api: Api, ids: list[str]) -> set[str]:
    return {(await api.job(job_id))["status"] for job_id in ids}


async def test_a_preview_counts_and_touches_nothing(api: Api) -> None:
    queue = fresh_queue()
    ids = await api.submit(queue, 3)
    await api.client.post(f"/api/jobs/{ids[0]}/cancel")
    asked = {"action": "cancel", "filter": f"queue:{queue}", "dryRun": True}
    answer = await api.client.post("/api/operations", json=asked)
    assert answer.status_code == 200
    assert answer.json() == {
        "matched": 3, "applicable": 2, "complete": True,
        "by_status": {"cancelled": 1, "pending": 2}, "sample": ids[::-1],
    }  # fmt: skip
    assert await statuses(api, ids[1:]) == {"pending"}


async def test_every_job_of_the_filter_is_acted_on(api: Api) -> None:
    queue = fresh_queue()
    ids = await api.submit(queue, 130)
    [other] = await api.submit(fresh_queue(), 1)
    operation = await begin(api, action="cancel", filter=f"queue:{queue}", reason="wrong day")
    assert (operation["expected"], operation["expected_exact"], operation["done"]) == (130, True, 0)
    told = await ended(api, operation)
    assert (told["status"], told["done"], told["refused"]) == ("completed", 130, 0)
    assert (told["actor"], told["reason"], told["note"]) == ("local", "wrong day", None)
    assert await statuses(api, ids) == {"cancelled"}
    assert (await api.job(other))["status"] == "pending"
    events = (await api.client.get(f"/api/jobs/{ids[0]}/events")).json()["items"]
    assert events[0]["reason"] == f"operation {operation['id']}: wrong day"


async def test_moving_and_reordering(api: Api) -> None:
    queue, target = fresh_queue(), fresh_queue()
    ids = await api.submit(queue, 2)
    await ended(api, await begin(api, action="requeue", filter=f"queue:{queue}", queue=target))
    await ended(api, await begin(api, action="priority", filter=f"queue:{target}", priority="High"))
    for job_id in ids:
        job = await api.job(job_id)
        assert (job["queue"], job["priority"], job["version"]) == (target, 10, 3)


async def test_a_retry_with_a_canary(api: Api) -> None:
    queue = fresh_queue()
    ids = await api.submit(queue, 3, max_attempts=1)
    member = await api.register(queue)
    for lease in await member.acquire(3):
        await member.complete(lease, outcome="failed", error={"message": "no"})
    operation = await begin(api, action="retry", filter=f"queue:{queue} status:dead", canary=True)
    while not (canary := await member.acquire(3)):
        await asyncio.sleep(0.01)
    assert [lease["job_id"] for lease in canary] == [ids[2]]
    told = (await api.client.get(f"/api/operations/{operation['id']}")).json()
    assert (told["phase"], told["canary_job_id"]) == ("watching", ids[2])
    await member.complete(canary[0])
    told = await ended(api, operation)
    assert (told["status"], told["done"]) == ("completed", 3)
    assert await statuses(api, ids[:2]) == {"pending"}


async def test_aborting_is_repeatable_until_it_has_ended(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue, 1, max_attempts=1)
    member = await api.register(queue)
    [lease] = await member.acquire()
    await member.complete(lease, outcome="failed", error={"message": "no"})
    operation = await begin(api, action="retry", filter=f"queue:{queue}", canary=True)
    path = f"/api/operations/{operation['id']}/abort"
    for _ in range(2):
        told = (await api.client.post(path, json={"reason": "enough"})).json()
        assert (told["status"], told["note"]) == ("aborted", "by local: enough")
    done = await ended(api, await begin(api, action="cancel", filter=f"id:{job_id}"))
    problem(await api.client.post(f"/api/operations/{done['id']}/abort"), 409, "illegal_transition")


async def test_operations_are_listed_newest_first(api: Api) -> None:
    made = [
        (await begin(api, action="cancel", filter=f"queue:{fresh_queue()}"))["id"] for _ in range(3)
    ]
    page = (await api.client.get("/api/operations", params={"limit": 2})).json()
    assert [item["id"] for item in page["items"]] == made[:0:-1]
    more = await api.client.get("/api/operations", params={"limit": 1, "after": page["next"]})
    assert [item["id"] for item in more.json()["items"]] == made[:1]
    assert pointers(await api.client.get("/api/operations?after=x")) == ["/after"]


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"action": "explode", "filter": "x"}, "/action"),
        ({"action": "cancel"}, "/filter"),
        ({"action": "cancel", "filter": ""}, "/filter"),
        ({"action": "cancel", "filter": "  "}, "/filter"),
        ({"action": "cancel", "filter": "statu:failed"}, "/filter"),
        ({"action": "requeue", "filter": "x"}, ""),
        ({"action": "cancel", "filter": "x", "queue": "q"}, ""),
        ({"action": "priority", "filter": "x", "priority": 101}, "/priority"),
        ({"action": "cancel", "filter": "x", "canary": True}, ""),
        ({"action": "cancel", "filter": "x", "reasn": "y"}, "/reasn"),
    ],
)
async def test_what_is_wrong_is_named(api: Api, asked: dict[str, Any], pointer: str) -> None:
    assert pointers(await api.client.post("/api/operations", json=asked)) == [pointer]


async def test_an_unknown_operation(api: Api) -> None:
    for name in (NOBODY, "x", NOBODY[:-1]):
        problem(await api.client.get(f"/api/operations/{name}"), 404, "operation_not_found")
        problem(await api.client.post(f"/api/operations/{name}/abort"), 404, "operation_not_found")
