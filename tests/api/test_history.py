"""What happened to a job."""

from __future__ import annotations

import pytest

from tests.api.calls import Api, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio

RETRIES = {"strategy": "fixed", "initial_delay_seconds": 0, "jitter": 0}


async def test_attempts_are_runs(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue, retry_policy=RETRIES)
    member = await api.register(queue)
    [lease] = await member.acquire()
    await member.complete(lease, outcome="failed", error={"type": "E", "message": "m"})
    await member.acquire(wait=10)
    runs = (await api.client.get(f"/api/jobs/{job_id}/runs")).json()["items"]
    assert [(run["attempt"], run["fence"], run["outcome"]) for run in runs] == [
        (1, 1, "failed"), (2, 2, None),
    ]  # fmt: skip
    assert runs[0]["error"] == {"type": "E", "message": "m", "traceback": None}
    assert runs[0]["finished_at"] is not None
    assert (runs[1]["worker_id"], runs[1]["finished_at"]) == (member.id, None)
    for run in runs:
        one = await api.client.get(f"/api/jobs/{job_id}/runs/{run['fence']}")
        assert one.json() == run
    problem(await api.client.get(f"/api/jobs/{job_id}/runs/3"), 404, "run_not_found")


async def test_logs_go_on_where_the_last_page_ended(api: Api) -> None:
    queue = fresh_queue()
    [job_id] = await api.submit(queue, retry_policy=RETRIES)
    member = await api.register(queue)
    path = f"/api/jobs/{job_id}/logs"
    for attempt in (1, 2):
        [lease] = await member.acquire(wait=10)
        lines = [{"at": "2026-01-01T00:00:00Z", "text": f"{attempt}.{n}"} for n in range(3)]
        body = {"worker_id": member.id, "fence": lease["fence"], "lines": lines}
        assert (await api.client.post(path, json=body)).json() == {"stored": 3}
        if attempt == 1:
            await member.complete(lease, outcome="failed")
    texts: list[str] = []
    after = None
    for _ in range(10):
        params = {"limit": "2"} | ({"after": after} if after else {})
        page = (await api.client.get(path, params=params)).json()
        texts += [item["text"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert texts == ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2"]
    second = (await api.client.get(path, params={"fence": 2})).json()["items"]
    assert [item["text"] for item in second] == ["2.0", "2.1", "2.2"]
    assert pointers(await api.client.get(path, params={"after": "x"})) == ["/after"]
    assert pointers(await api.client.get(path, params={"fence": 0})) == ["/fence"]


async def test_a_job_nobody_touched_has_no_history(api: Api) -> None:
    [job_id] = await api.submit(fresh_queue())
    for name in ("runs", "logs", "events"):
        found = (await api.client.get(f"/api/jobs/{job_id}/{name}")).json()
        assert (found["items"], found["next"]) == ([], None)


async def test_why_a_job_waits(api: Api) -> None:
    queue = fresh_queue()
    later, job_id = await api.submit(queue, delay_seconds=60), await api.submit(queue)
    told = (await api.client.get(f"/api/jobs/{later[0]}/explain")).json()
    assert told.keys() == {"job_id", "status", "reasons", "estimated_start_at", "as_of"}
    assert (told["job_id"], told["status"]) == (later[0], "scheduled")
    [why] = told["reasons"]
    assert why.keys() == {"cause", "detail", "at"}
    assert (why["cause"], why["at"]) == ("not_due", told["estimated_start_at"])
    told = (await api.client.get(f"/api/jobs/{job_id[0][:-1]}/explain")).json()
    assert [why["cause"] for why in told["reasons"]] == ["no_worker"]
    assert told["estimated_start_at"] is None
    await api.register(queue)
    told = (await api.client.get(f"/api/jobs/{job_id[0]}/explain")).json()
    assert [why["cause"] for why in told["reasons"]] == ["next"]
    assert told["estimated_start_at"] == told["as_of"]
    nobody = "01900000-0000-7000-8000-000000000000"
    problem(await api.client.get(f"/api/jobs/{nobody}/explain"), 404, "job_not_found")


async def test_what_cannot_be_followed_is_a_problem(api: Api) -> None:
    [job_id] = await api.submit(fresh_queue())
    nobody = "01900000-0000-7000-8000-000000000000"
    problem(await api.client.get(f"/api/jobs/{nobody}/logs?follow=true"), 404, "job_not_found")
    path = f"/api/jobs/{job_id}/logs?follow=true"
    wrong = await api.client.get(path, headers={"Last-Event-ID": "x"})
    assert pointers(wrong) == ["/after"]
