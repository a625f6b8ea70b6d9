"""Schedules over HTTP, on both stores."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from tenure.domain.clock import SECOND, rfc3339
from tests.api.calls import Api, fresh_queue, pointers, problem
from tests.api.schedules import NOBODY, YEARLY, act, create, get

pytestmark = pytest.mark.anyio


async def test_a_schedule_fires_by_itself(api: Api) -> None:
    made = await create(api, every_seconds=1, overlap="allow", misfire_after_seconds=86_400)
    assert (made["status"], made["version"]) == ("active", 1)
    async with asyncio.timeout(120):
        while len((await get(api, f"{made['id']}/fires"))["items"]) < 2:
            await asyncio.sleep(0.02)
    await act(api, made["id"], "pause")
    fires = (await get(api, f"{made['id']}/fires"))["items"]
    assert {row["outcome"] for row in fires} == {"fired"}
    jobs = (await get(api, f"{made['id']}/jobs"))["items"]
    assert [job["id"] for job in jobs] == [row["job_id"] for row in fires]
    assert [job["nominal_at"] for job in jobs] == [row["nominal_at"] for row in fires]
    assert {(job["schedule_id"], job["payload"]["n"]) for job in jobs} == {(made["id"], 1)}
    assert (await api.job(jobs[0]["id"]))["schedule_id"] == made["id"]


async def test_the_payload_comes_back_digit_for_digit(api: Api) -> None:
    body = (
        b'{"cron":"0 0 1 1 *","job":{"type":"echo","payload":{"a":1.10,"b":12345678901234567890}}}'
    )
    answer = await api.send("POST", "/api/schedules", body)
    assert answer.status_code == 201
    assert b'"payload":{"a":1.10,"b":12345678901234567890}' in answer.content
    job = await api.client.post(f"/api/schedules/{answer.json()['id']}/trigger")
    assert b'"payload":{"a":1.10,"b":12345678901234567890}' in job.content


async def test_camel_case_is_understood(api: Api) -> None:
    job = {"type": "echo", "maxRetries": 0}
    made = await create(api, job=job, jitterSeconds=5, catchupWindowSeconds=60, maxCatchup=7)
    assert (made["jitter_seconds"], made["catchup_window_seconds"], made["max_catchup"]) == (
        5,
        60,
        7,
    )
    assert made["job"]["max_attempts"] == 1


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cron": "* * * *"}, "/cron"),
    ({"cron": "0 0 30 2 *"}, "/cron"),
    ({"cron": "@reboot"}, "/cron"),
    ({"cron": "R * * * *"}, "/cron"),
    ({"cron": "\u0663 * * * *"}, "/cron"),
    ({"cron": "1," * 100 + "1 * * * *"}, "/cron"),
    ({"cron": None}, "/cron"),
    ({"every_seconds": 5}, "/cron"),
    ({"cron": None, "every_seconds": 0.5}, "/every_seconds"),
    ({"timezone": "Mars/Olympus"}, "/timezone"),
    ({"misfire": "never"}, "/misfire"),
    ({"overlap": "queue"}, "/overlap"),
    ({"end_at": "2020-01-01T00:00:00Z"}, "/end_at"),
    ({"start_at": "9999-01-01T00:00:00Z"}, "/start_at"),
    ({"max_catchup": 1001}, "/max_catchup"),
    ({"jitter": 3}, "/jitter"),
    ({"job": None}, "/job"),
    ({"job": []}, "/job"),
    ({"job": {"queue": "q"}}, "/job/type"),
    ({"job": {"type": "echo", "run_at": "2030-01-01T00:00:00Z"}}, "/job/run_at"),
    ({"job": {"type": "echo", "delaySeconds": 1}}, "/job/delaySeconds"),
    ({"job": {"type": "echo", "expires_at": "2030-01-01T00:00:00Z"}}, "/job/expires_at"),
    ({"job": {"type": "echo", "idempotency_key": "x"}}, "/job/idempotency_key"),
    ({"job": {"type": "echo", "depends_on": []}}, "/job/depends_on"),
    ({"job": {"type": "echo", "cron": "* * * * *"}}, "/job/cron"),
    ({"job": {"type": "echo", "prioritty": 1}}, "/job/prioritty"),
]


@pytest.mark.parametrize(("wrong", "pointer"), REFUSED)
async def test_what_is_refused_is_named(api: Api, wrong: dict[str, Any], pointer: str) -> None:
    body = {"cron": YEARLY, "job": {"type": "echo"}} | wrong
    assert pointers(await api.client.post("/api/schedules", json=body)) == [pointer]


async def test_a_template_is_required_and_bounded(api: Api) -> None:
    assert pointers(await api.client.post("/api/schedules", json={"cron": YEARLY})) == ["/job"]
    job = {"type": "echo", "payload": "x" * 300_000}
    answer = await api.client.post("/api/schedules", json={"cron": YEARLY, "job": job})
    assert pointers(answer, 413) == ["/job/payload"]


async def test_the_same_key_is_the_same_schedule(api: Api) -> None:
    body = {"cron": YEARLY, "job": {"type": "echo"}}
    headers = {"Idempotency-Key": fresh_queue()}
    first = await api.client.post("/api/schedules", json=body, headers=headers)
    again = await api.client.post("/api/schedules", json=body, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    other = await api.client.post("/api/schedules", json=body | {"name": "x"}, headers=headers)
    problem(other, 422, "idempotency_mismatch")
    path = f"/api/schedules/{first.json()['id']}/trigger"
    headers = {"Idempotency-Key": fresh_queue()}
    one = (await api.client.post(path, headers=headers)).json()["id"]
    assert (await api.client.post(path, headers=headers)).json()["id"] == one
    assert (await api.client.post(path)).json()["id"] != one


async def test_lists_go_page_by_page_and_by_status(fresh: Api) -> None:
    made = [(await create(fresh))["id"] for _ in range(5)]
    for schedule_id in made[:2]:
        await act(fresh, schedule_id, "pause", reason="for now")
    seen: list[str] = []
    after = None
    while True:
        query = {"limit": 2} | ({"after": after} if after else {})
        page = (await fresh.client.get("/api/schedules", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        if (after := page["next"]) is None:
            break
    assert seen == made[::-1]
    paused = (await fresh.client.get("/api/schedules", params={"status": "paused"})).json()
    assert [item["id"] for item in paused["items"]] == made[1::-1]
    assert {item["pause_reason"] for item in paused["items"]} == {"for now"}
    assert pointers(await fresh.client.get("/api/schedules", params={"status": "off"})) == [
        "/status"
    ]
    assert pointers(await fresh.client.get("/api/schedules", params={"after": "x"})) == ["/after"]


async def test_an_edit_changes_what_it_names(api: Api) -> None:
    made = await create(api)
    path = f"/api/schedules/{made['id']}"
    for method in ("PUT", "PATCH"):
        answer = await api.client.request(
            method, path, json={"name": method, "timezone": "Asia/Tokyo"}
        )
        assert (answer.status_code, answer.json()["name"]) == (200, method)
    found = answer.json()
    assert (found["version"], answer.headers["etag"]) == (3, '"3"')
    assert (found["cron"], found["job"], found["timezone"]) == (YEARLY, made["job"], "Asia/Tokyo")
    found = (
        await api.client.put(path, json={"every_seconds": 60, "job": {"type": "other"}})
    ).json()
    assert (found["cron"], found["every_seconds"], found["job"]["type"]) == (None, 60, "other")
    found = (await api.client.put(path, json={"cron": YEARLY, "name": None})).json()
    assert (found["cron"], found["every_seconds"], found["name"]) == (YEARLY, None, None)


async def test_what_is_told_of_a_job_can_be_given_back(api: Api) -> None:
    job = {
        "type": "echo", "queue": fresh_queue(), "payload": {"n": 1}, "concurrency_key": "one",
        "on_lost": "fail", "tags": ["a"], "timeout_seconds": 5, "max_retries": 1,
    }  # fmt: skip
    made = await create(api, job=job)
    assert made["job"]["concurrency_key"] == "one"
    again = await api.client.patch(f"/api/schedules/{made['id']}", json={"job": made["job"]})
    assert again.status_code == 200, again.text
    assert again.json()["job"] == made["job"]


async def test_an_edit_does_not_overwrite_somebody_elses(api: Api) -> None:
    made = await create(api)
    path = f"/api/schedules/{made['id']}"
    problem(await api.client.put(path, json={"name": "x", "version": 2}), 409, "version_conflict")
    answer = await api.client.put(path, json={"name": "x"}, headers={"If-Match": '"2"'})
    problem(answer, 412, "precondition_failed")
    for body in (
        {},
        {"version": 1},
        {"job": None},
        {"cron": None},
        {"cron": "x"},
        {"every_seconds": 0},
    ):
        assert (await api.client.put(path, json=body)).status_code == 422, body
    assert await get(api, made["id"]) == made
    answer = await api.client.put(
        path, json={"name": "x", "version": 1}, headers={"If-Match": '"1"'}
    )
    assert answer.json()["version"] == 2


async def test_pause_and_resume(api: Api) -> None:
    made = await create(api)
    paused = await act(api, made["id"], "pause", reason="too loud")
    assert (paused["status"], paused["pause_reason"], paused["paused_by"]) == (
        "paused", "too loud", "local",
    )  # fmt: skip
    assert paused["next_fire_at"] is None
    resumed = await act(api, made["id"], "resume")
    assert (resumed["status"], resumed["pause_reason"]) == ("active", None)
    assert resumed["next_fire_at"] == made["next_fire_at"]


async def test_a_deleted_schedule_is_not_found(api: Api) -> None:
    made = await create(api)
    assert (await api.client.delete(f"/api/schedules/{made['id']}")).status_code == 204
    for path in ("", "/fires", "/jobs", "/next"):
        answer = await api.client.get(f"/api/schedules/{made['id']}{path}")
        problem(answer, 404, "schedule_not_found")
    for action in ("pause", "resume", "trigger"):
        answer = await api.client.post(f"/api/schedules/{made['id']}/{action}")
        problem(answer, 404, "schedule_not_found")
    problem(await api.client.delete(f"/api/schedules/{NOBODY}"), 404, "schedule_not_found")


async def test_run_now(api: Api) -> None:
    made = await create(api)
    job = await act(api, made["id"], "trigger", reason="impatient")
    assert (job["schedule_id"], job["nominal_at"], job["status"]) == (made["id"], None, "pending")
    assert [item["id"] for item in (await get(api, f"{made['id']}/jobs"))["items"]] == [job["id"]]
    assert (await get(api, f"{made['id']}/fires"))["items"] == []


async def test_a_backfill_is_previewed_and_done_once(api: Api) -> None:
    made = await create(api, cron="0 */6 * * *", timezone="Asia/Tokyo")
    now = api.coordinator.clock.now()
    day = 86_400 * SECOND
    span = {"from": rfc3339(now - 2 * day), "to": rfc3339(now - day)}
    before = await act(api, made["id"], "backfill", **span, preview=True)
    assert (before["preview"], before["count"], before["existing"]) == (True, 4, 0)
    assert {item["job_id"] for item in before["items"]} == {None}
    assert {item["local"][11:13] for item in before["items"]} == {"00", "06", "12", "18"}
    done = await act(api, made["id"], "backfill", **span)
    assert [item["nominal_at"] for item in done["items"]] == [
        item["nominal_at"] for item in before["items"]
    ]
    jobs = (await get(api, f"{made['id']}/jobs"))["items"]
    assert {job["id"] for job in jobs} == {item["job_id"] for item in done["items"]}
    again = await act(api, made["id"], "backfill", **span)
    assert (again["count"], again["existing"], again["items"]) == (0, 4, [])
    assert (await act(api, made["id"], "backfill", **span, preview=True))["existing"] == 4
    first = await get(api, f"{made['id']}/fires", limit=3)
    rest = await get(api, f"{made['id']}/fires", limit=3, after=first["next"])
    assert [len(first["items"]), len(rest["items"])] == [3, 1]
    assert {row["outcome"] for row in first["items"] + rest["items"]} == {"backfilled"}


async def test_a_backfill_that_is_refused(api: Api) -> None:
    made = await create(api, cron="* * * * *")
    now = api.coordinator.clock.now()
    hour = 3600 * SECOND
    for start, end, pointer in (
        (now - hour, now - hour, "/to"),
        (now - hour, now + hour, "/to"),
        (now - 30 * hour, now - hour, "/to"),
        (now - 3000 * hour, now - 2999 * hour, "/from"),
    ):
        body = {"from": rfc3339(start), "to": rfc3339(end)}
        answer = await api.client.post(f"/api/schedules/{made['id']}/backfill", json=body)
        assert pointers(answer) == [pointer]


async def test_next_times_of_a_schedule_and_of_any_expression(api: Api) -> None:
    made = await create(api)
    found = await get(api, f"{made['id']}/next", count=2)
    assert [item["at"][4:] for item in found["items"]] == ["-01-01T00:00:00.000000Z"] * 2
    assert len((await get(api, f"{made['id'][:20]}/next"))["items"]) == 5
    query = {"cron": "30 2 * * *", "timezone": "America/New_York", "count": 2}
    found = await get(api, "preview", **query, after="2026-03-07T12:00:00Z")
    first, second = found["items"]
    assert (first["at"], first["local"]) == (
        "2026-03-08T07:00:00.000000Z",
        "2026-03-08T03:00:00-04:00",
    )
    assert "skips 02:30" in first["note"]
    assert second["note"] is None
    found = await get(api, "preview", every_seconds=90, after="2026-01-01T00:00:00Z", count=1)
    assert found["items"][0]["at"] == "2026-01-01T00:01:30.000000Z"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({}, "/cron"), ({"cron": "@daily"}, "/cron"), ({"cron": "0 0 30 2 *"}, "/cron"),
        ({"cron": YEARLY, "count": 0}, "/count"), ({"cron": YEARLY, "count": 101}, "/count"),
        ({"cron": "* * * * *", "timezone": "x"}, "/timezone"),
        ({"cron": "* * * * *", "after": "soon"}, "/after"),
        ({"cron": "* * * * *", "after": "0001-01-01T00:00:00Z"}, "/after"),
        ({"every_seconds": 0.1}, "/every_seconds"),
    ],
)  # fmt: skip
async def test_a_preview_is_refused_like_a_schedule(
    api: Api, query: dict[str, Any], pointer: str
) -> None:
    assert pointers(await api.client.get("/api/schedules/preview", params=query)) == [pointer]


async def test_a_refusal_never_takes_a_second(api: Api) -> None:
    """Far above what it takes: a search without a bound would never come back."""
    began = time.monotonic()
    for text in ("0 0 30 2 *", "* * 31 2,4,6,9,11 *", "0 0 29 2 1#5", "R R R R R"):
        answer = await api.client.get("/api/schedules/preview", params={"cron": text})
        assert json.loads(answer.content)["code"] == "invalid_input"
    assert time.monotonic() - began < 30
