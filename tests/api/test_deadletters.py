"""Dead letters over HTTP, from the failure to the replay."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.calls import Api, Member, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio


async def fail_all(member: Member, count: int, **error: Any) -> None:
    for lease in await member.acquire(count):
        answer = await member.complete(lease, outcome="failed", error=error, retryable=False)
        assert answer.status_code == 200


async def operated(api: Api, **asked: Any) -> dict[str, Any]:
    """An operation once it has ended."""
    answer = await api.client.post("/api/operations", json=asked)
    told: dict[str, Any] = answer.json()
    while told["status"] == "running":
        await asyncio.sleep(0.01)
        told = (await api.client.get(f"/api/operations/{told['id']}")).json()
    return told


async def test_failures_are_grouped_and_replayed_and_purged(api: Api) -> None:
    queue, where = fresh_queue(), {}
    member = await api.register(queue)
    refused = await api.submit(queue, 3)
    await fail_all(member, 3, type="Refused", message=f"user 12 of {queue}x")
    [broken] = await api.submit(queue, 1)
    await fail_all(member, 1, type="Broken", message=f"{queue}x", traceback="at f (a/b.js:1:2)")
    where = {"q": f"queue:{queue}"}
    told = (await api.client.get("/api/dead-letters", params=where)).json()
    assert (told["failed"], told["complete"]) == (4, True)
    large, small = told["items"]
    assert (large["count"], large["sample_job_id"], large["error"]["type"]) == (
        3, refused[2], "Refused",
    )  # fmt: skip
    assert large["first_seen_at"] <= large["last_seen_at"] <= small["first_seen_at"]
    assert (small["count"], small["queues"], small["types"], small["reasons"]) == (
        1, {queue: 1}, {"echo": 1}, {"non_retryable": 1},
    )  # fmt: skip
    one = await api.client.get(f"/api/dead-letters/{small['fingerprint']}")
    assert one.json() == small
    only = (await api.client.get("/api/dead-letters", params=where | {"limit": "1"})).json()
    assert (only["items"], only["failed"]) == ([large], 4)
    named = f"queue:{queue} fingerprint:{large['fingerprint']}"
    replay = await operated(api, action="retry", filter=named)
    assert (replay["status"], replay["done"]) == ("completed", 3)
    purge = await operated(api, action="delete", filter=f"queue:{queue} status:failed")
    assert purge["done"] == 1
    assert (await api.client.get("/api/dead-letters", params=where)).json()["items"] == []
    problem(await api.client.get(f"/api/jobs/{broken}"), 404)
    problem(await api.client.get(f"/api/dead-letters/{small['fingerprint']}"), 404, "not_found")


async def test_what_is_wrong_is_named(api: Api) -> None:
    assert pointers(await api.client.get("/api/dead-letters?q=quue:x")) == ["/q"]
    assert pointers(await api.client.get("/api/dead-letters?limit=0")) == ["/limit"]
    problem(await api.client.get("/api/dead-letters/none"), 404, "not_found")
    nothing = await api.client.get("/api/dead-letters?q=status:completed")
    assert nothing.json() == {"items": [], "failed": 0, "complete": True}
