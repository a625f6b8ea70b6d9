"""The fleet for people and programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.calls import Api, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio

NOBODY = "0193474a-0000-7000-8000-00000000ffff"


async def test_workers_are_listed_newest_first(api: Api) -> None:
    queue = fresh_queue()
    members = [await api.register(queue, labels={"zone": "x"}) for _ in range(3)]
    listed = (await api.client.get("/api/workers")).json()["items"]
    mine = [item for item in listed if item["queues"] == [queue]]
    assert [item["id"] for item in mine] == [member.id for member in reversed(members)]
    below = await api.client.get("/api/workers", params={"after": members[1].id})
    assert below.json()["items"][0]["id"] == members[0].id
    assert mine[0]["labels"] == {"zone": "x"}
    assert not [key for item in mine for key in item if "token" in key or "digest" in key]


async def test_a_worker_is_shown_with_what_it_runs(api: Api) -> None:
    queue = fresh_queue()
    await api.submit(queue, 2)
    member = await api.register(queue)
    await member.acquire(slots=2)
    found = (await api.client.get(f"/api/workers/{member.id}")).json()
    assert (found["state"], found["running"], found["slots"]) == ("online", 2, 10)
    problem(await api.client.get(f"/api/workers/{NOBODY}"), 404, "worker_not_found")


async def test_a_drained_worker_gets_nothing_more(api: Api) -> None:
    queue = fresh_queue()
    member = await api.register(queue)
    for _ in range(2):
        answer = await api.client.post(f"/api/workers/{member.id}/drain")
        assert (answer.status_code, answer.json()["id"]) == (200, member.id)
    await api.submit(queue)
    answer = (await member.ask()).json()
    assert (answer["leases"], answer["drain"]) == ([], True)
    assert (await member.beat([], draining=True)).json()["drain"] is True
    assert (await api.client.get(f"/api/workers/{member.id}")).json()["state"] == "draining"
    problem(await api.client.post(f"/api/workers/{NOBODY}/drain"), 404, "worker_not_found")


async def test_a_cursor_that_is_none(api: Api) -> None:
    answer = await api.client.get("/api/workers?after=x")
    assert answer.status_code in (404, 422)
    if answer.status_code == 422:
        assert pointers(answer) == ["/after"]


async def test_a_worker_registers(api: Api) -> None:
    body = {
        "name": "w", "hostname": "h", "pid": 7, "version": "1.0", "protocol": 1,
        "queues": ["a", "a", "b"], "types": [{"name": "echo", "schema": {"type": "object"}}],
        "slots": 3, "labels": {"zone": "x"},
    }  # fmt: skip
    answer = await api.client.post("/api/workers/register", json=body)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["lease_seconds"], told["heartbeat_seconds"]) == (30.0, 10.0)
    assert told["poll_seconds"] == 30.0
    assert len(told["session_token"]) > 40
    worker = (await api.client.get(f"/api/workers/{told['worker_id']}")).json()
    assert (worker["state"], worker["queues"], worker["types"]) == ("online", ["a", "b"], ["echo"])
    assert told["session_token"] not in json.dumps(worker)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "/name"), ({"slots": -1}, "/slots"), ({"slots": 2**70}, "/slots"),
        ({"slots": "3"}, "/slots"), ({"pid": 2**40}, "/pid"), ({"queues": []}, "/queues"),
        ({"queues": ["a b"]}, "/queues/0"), ({"types": [{"nam": "x"}]}, "/types/0/name"),
        ({"labels": {"a": 1}}, "/labels/a"), ({"lables": {}}, "/lables"),
        ({"protocol": 0}, "/protocol"),
    ],
)  # fmt: skip
async def test_a_worker_that_says_it_wrongly(
    api: Api, change: dict[str, Any], pointer: str
) -> None:
    answer = await api.client.post("/api/workers/register", json={"name": "w"} | change)
    assert pointer in pointers(answer)
