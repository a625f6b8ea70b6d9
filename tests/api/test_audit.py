"""The audit over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tenure.domain.access import LOCAL_ADMIN
from tenure.store.audit import Entry, audit, chain
from tests.api.calls import Api, Callers, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio


async def _write(api: Api, *entries: Entry) -> None:
    await api.coordinator.committer.run(lambda unit: audit(unit, list(entries)))


async def _page(api: Api, **asked: Any) -> dict[str, Any]:
    answer = await api.client.get("/api/audit", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_lines_come_newest_first_page_by_page(fresh: Api) -> None:
    assert (await _page(fresh))["items"] == []
    for number in range(5):
        await _write(
            fresh, Entry("job.delete", LOCAL_ADMIN, "job", f"j{number}", after={"n": 1.50})
        )
    first = await _page(fresh, limit=3)
    rest = await _page(fresh, limit=3, after=first["next"])
    assert rest["next"] is None
    lines = first["items"] + rest["items"]
    assert [line["id"] for line in lines] == sorted((line["id"] for line in lines), reverse=True)
    assert {line["target_id"] for line in lines} == {f"j{n}" for n in range(5)}
    line = lines[0]
    assert (line["actor"], line["actor_id"], line["role"]) == ("local", None, "admin")
    assert (line["after"], line["before"]) == ({"n": 1.5}, None)


async def test_the_head_of_the_chain_is_shown_to_be_noted(fresh: Api) -> None:
    await _write(fresh, Entry("job.delete"))
    await fresh.coordinator.committer.run(chain)
    page = await _page(fresh)
    line = page["items"][0]
    assert page["head"] == f"{line['place']}:{line['digest']}"
    assert line["place"] == 1


async def test_conditions_all_hold(fresh: Api) -> None:
    await _write(
        fresh,
        Entry("job.delete", LOCAL_ADMIN, "job", "j1"),
        Entry("login.failed", None, "user", "ann"),
    )
    cases: list[tuple[dict[str, str], int]] = [
        ({"action": "job.delete"}, 1), ({"action": "job"}, 0), ({"target": "user"}, 1),
        ({"target_id": "j1"}, 1), ({"actor": "local"}, 1), ({"address": "192.0.2.1"}, 0),
        ({"since": "2020-01-01T00:00:00Z"}, 2), ({"until": "2020-01-01T00:00:00Z"}, 0),
        ({"action": ""}, 2), ({"action": "job.delete", "target": "user"}, 0),
    ]  # fmt: skip
    for asked, count in cases:
        assert len((await _page(fresh, **asked))["items"]) == count, asked


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"since": "yesterday"}, "/since"), ({"until": "2026-01-31"}, "/until"),
        ({"limit": "0"}, "/limit"), ({"limit": "501"}, "/limit"), ({"after": "x"}, "/after"),
        ({"actor": "\0"}, "/actor"),
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_named(
    fresh: Api, asked: dict[str, str], pointer: str
) -> None:
    assert pointers(await fresh.client.get("/api/audit", params=asked)) == [pointer]


async def _told(callers: Callers, target_id: str) -> list[dict[str, Any]]:
    """The lines about one thing, oldest first."""
    asked = {"target_id": target_id}
    answer = await callers.admin.client.get("/api/audit", params=asked)
    assert answer.status_code == 200, answer.text
    lines: list[dict[str, Any]] = answer.json()["items"]
    return lines[::-1]


async def _post(api: Api, path: str, body: Any) -> dict[str, Any]:
    answer = await api.client.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_acts_on_jobs_of_others_are_told_and_on_ones_own_are_not(callers: Callers) -> None:
    body = {"type": "echo", "queue": fresh_queue(), "payload": {"a": 1}}
    job = await _post(callers.user, "/api/jobs", body)
    path = f"/api/jobs/{job['id']}"
    for api in (callers.user, callers.admin):
        await _post(api, f"{path}/pause", {"reason": "why"})
        await _post(api, f"{path}/pause", {})
        await _post(api, f"{path}/resume", {})
        edit = {"priority": 5 if api is callers.user else 6, "payload": {"b": "hunter2"}}
        assert (await api.client.patch(path, json=edit)).status_code == 200
        await _post(api, f"{path}/cancel", {"reason": "enough"})
        await _post(api, f"{path}/retry", {})
    lines = await _told(callers, job["id"])
    assert [line["action"] for line in lines] == [
        "job.pause", "job.resume", "job.edit", "job.cancel", "job.retry",
    ]  # fmt: skip
    pause, _, edited, cancelled, _ = lines
    assert (pause["actor"], pause["actor_id"]) == ("test-admin", callers.ids["admin"])
    assert (pause["role"], pause["address"], pause["reason"]) == ("admin", "127.0.0.1", "why")
    assert (pause["before"]["status"], pause["after"]["status"]) == ("pending", "paused")
    assert (edited["before"]["priority"], edited["after"]["priority"]) == (5, 6)
    assert cancelled["reason"] == "enough"
    assert "hunter2" not in str(lines)


async def test_deleting_is_always_told(callers: Callers) -> None:
    job = await _post(callers.user, "/api/jobs", {"type": "echo", "queue": fresh_queue()})
    assert (await callers.user.client.delete(f"/api/jobs/{job['id']}")).status_code == 204
    [line] = await _told(callers, job["id"])
    assert (line["action"], line["actor"], line["target"]) == ("job.delete", "test-user", "job")
    assert (line["before"]["type"], line["after"]) == ("echo", None)


async def test_what_is_refused_leaves_no_line(callers: Callers) -> None:
    job = await _post(callers.user, "/api/jobs", {"type": "echo", "queue": fresh_queue()})
    path = f"/api/jobs/{job['id']}"
    assert (await callers.other.client.delete(path)).status_code == 404
    assert (await callers.viewer.client.delete(path)).status_code == 403
    assert (await callers.admin.client.post(f"{path}/retry", json={})).status_code == 409
    assert await _told(callers, job["id"]) == []


async def test_schedules_workflows_and_operations(callers: Callers) -> None:
    queue = fresh_queue()
    job = {"type": "echo", "queue": queue}
    made = await _post(callers.user, "/api/schedules", {"cron": "0 0 1 1 *", "job": job})
    path = f"/api/schedules/{made['id']}"
    for api in (callers.user, callers.admin):
        await _post(api, f"{path}/pause", {"reason": "r"})
        await _post(api, f"{path}/resume", {})
        name = f"by {'user' if api is callers.user else 'admin'}"
        assert (await api.client.put(path, json={"name": name})).status_code == 200
        await _post(api, f"{path}/trigger", {})
    assert (await callers.user.client.delete(path)).status_code == 204
    lines = await _told(callers, made["id"])
    assert [(line["action"], line["actor"]) for line in lines] == [
        ("schedule.pause", "test-admin"), ("schedule.resume", "test-admin"),
        ("schedule.edit", "test-admin"),
        ("schedule.trigger", "test-admin"), ("schedule.delete", "test-user"),
    ]  # fmt: skip
    assert lines[2]["before"] == {"name": "by user"}
    assert lines[2]["after"] == {"name": "by admin"}
    flow = await _post(callers.user, "/api/workflows", {"jobs": [{"key": "a", **job}]})
    await _post(callers.admin, f"/api/workflows/{flow['id']}/cancel", {"reason": "r"})
    await _post(callers.user, f"/api/workflows/{flow['id']}/retry", {})
    [line] = await _told(callers, flow["id"])
    assert (line["action"], line["before"]) == ("workflow.cancel", {"status": "running"})
    asked = {"action": "cancel", "filter": f"queue:{queue}", "reason": "tidy"}
    begun = await _post(callers.user, "/api/operations", asked)
    [line] = await _told(callers, begun["id"])
    assert (line["action"], line["reason"]) == ("operation.begin", "tidy")
    assert line["after"]["filter"] == f"queue:{queue}"
    path = f"/api/operations/{begun['id']}/abort"
    statuses = [(await callers.user.client.post(path, json={})).status_code for _ in range(2)]
    told = [line["action"] for line in await _told(callers, begun["id"])]
    assert told[1:] == (["operation.abort"] if statuses[0] == 200 else [])


async def test_a_backfill_is_told_when_it_fired(callers: Callers) -> None:
    body = {
        "cron": "0 * * * *", "start_at": "2020-01-01T00:00:00Z",
        "job": {"type": "echo", "queue": fresh_queue()},
    }  # fmt: skip
    made = await _post(callers.user, "/api/schedules", body)
    path = f"/api/schedules/{made['id']}/backfill"
    now = datetime.now(UTC)
    spans = [((now - timedelta(hours=one)).isoformat(), (now - timedelta(hours=two)).isoformat())
             for one, two in ((9, 7), (6, 3))]  # fmt: skip
    (begins, ends), (began, ended) = spans
    await _post(callers.user, path, {"from": began, "to": ended})
    asked = {"from": begins, "to": ends, "reason": "gap"}
    await _post(callers.admin, path, asked | {"preview": True})
    fired = await _post(callers.admin, path, asked)
    await _post(callers.admin, path, asked)
    assert len(fired["items"]) == 2
    [line] = await _told(callers, made["id"])
    assert (line["action"], line["actor"], line["reason"]) == (
        "schedule.backfill", "test-admin", "gap",
    )  # fmt: skip
    assert line["after"]["count"] == 2
    assert line["after"]["from"] < line["after"]["to"]


async def test_administration_is_told(callers: Callers) -> None:
    key = fresh_queue()
    answer = await callers.admin.client.put(f"/api/limits/{key}", json={"max_running": 3})
    assert answer.status_code == 200, answer.text
    assert (await callers.admin.client.delete(f"/api/limits/{key}")).status_code == 204
    first, second = await _told(callers, key)
    assert (first["action"], first["before"], first["after"]) == (
        "limit.set", {"max_running": 1}, {"max_running": 3},
    )  # fmt: skip
    assert second["after"] == {"max_running": None}
    queue = fresh_queue()
    for path, asked in (("", {"max_running": 2}), ("/pause", {"reason": "why"}), ("/pause", {})):
        method = "POST" if path else "PUT"
        answer = await callers.admin.client.request(
            method, f"/api/queues/{queue}{path}", json=asked
        )
        assert answer.status_code == 200, answer.text
    limited, paused = await _told(callers, queue)
    assert (limited["action"], limited["after"]["max_running"]) == ("queue.set", 2)
    assert (paused["before"]["paused"], paused["after"]["paused"]) == (False, True)
    assert paused["reason"] == "why"
    changes: tuple[dict[str, Any], ...] = ({"role": "viewer"}, {"role": "viewer"}, {"role": "user"})
    for change in changes:
        path = f"/api/users/{callers.ids['other']}"
        assert (await callers.admin.client.patch(path, json=change)).status_code == 200
    told = [line for line in await _told(callers, callers.ids["other"]) if line["before"]]
    assert [(line["before"]["role"], line["after"]["role"]) for line in told] == [
        ("user", "viewer"), ("viewer", "user"),
    ]  # fmt: skip
    body = {"name": "w", "queues": ["q"], "types": [{"name": "echo"}]}
    worker = await _post(callers.worker, "/api/workers/register", body)
    await _post(callers.admin, f"/api/workers/{worker['worker_id']}/drain", {})
    [line] = await _told(callers, worker["worker_id"])
    assert (line["action"], line["before"]["name"]) == ("worker.drain", "w")


async def test_the_audit_is_for_administrators(callers: Callers) -> None:
    for api in (callers.user, callers.viewer, callers.worker):
        problem(await api.client.get("/api/audit"), 403, "forbidden")
    problem(await callers.anonymous.client.get("/api/audit"), 401)


async def test_plain_work_leaves_no_line(fresh: Api) -> None:
    queue = fresh_queue()
    [job_id] = await fresh.submit(queue)
    member = await fresh.register(queue)
    [lease] = await member.acquire()
    await member.complete(lease)
    await fresh.client.post(f"/api/jobs/{job_id}/retry", json={})
    assert (await _page(fresh))["items"] == []
