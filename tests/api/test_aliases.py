"""Calls of earlier systems."""

from __future__ import annotations

import pytest

from tests.api.calls import Api, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio


async def test_pause_and_resume_by_patch(api: Api) -> None:
    [job_id] = await api.submit(fresh_queue())
    answer = await api.client.patch(f"/api/jobs/{job_id}/pause", json={"reason": "r"})
    assert (answer.status_code, answer.json()["status"]) == (200, "paused")
    answer = await api.client.patch(f"/api/jobs/{job_id}/resume")
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")


async def test_the_status_of_a_job(api: Api) -> None:
    [job_id] = await api.submit(fresh_queue())
    answer = await api.client.get(f"/api/job-status/{job_id}")
    assert answer.json() == await api.job(job_id)
    problem(await api.client.get("/api/job-status/x"), 404, "job_not_found")


@pytest.mark.parametrize("name", ["scheduled_at", "scheduledAt"])
async def test_scheduled_at_is_run_at(api: Api, name: str) -> None:
    at = "2999-01-01T00:00:00Z"
    answer = await api.client.post("/api/jobs", json={"type": "echo", name: at})
    assert answer.json()["run_at"] == "2999-01-01T00:00:00.000000Z"
    both = await api.client.post("/api/jobs", json={"type": "echo", name: at, "run_at": at})
    assert pointers(both) == [f"/{name}"]


@pytest.mark.parametrize("name", ["script_content", "scriptContent"])
async def test_script_content_is_a_python_job(api: Api, name: str) -> None:
    answer = await api.client.post("/api/jobs", json={"name": "n", name: "print(1)"})
    job = answer.json()
    assert (job["type"], job["payload"]) == ("python", {"script_content": "print(1)"})
    both = await api.client.post("/api/jobs", json={name: "x", "payload": 1})
    assert pointers(both) == [f"/{name}"]


@pytest.mark.parametrize("name", ["cron", "cron_expr", "cronExpr", "schedule"])
async def test_recurring_jobs_are_pointed_elsewhere(api: Api, name: str) -> None:
    job = {"type": "echo", name: "* * * * *"}
    answer = await api.client.post("/api/jobs", json=job)
    assert pointers(answer) == [f"/{name}"]
    assert "POST /api/schedules" in answer.json()["detail"]
    batch = await api.client.post("/api/jobs/batch", json=[{"type": "echo"}, job])
    assert pointers(batch) == [f"/1/{name}"]
