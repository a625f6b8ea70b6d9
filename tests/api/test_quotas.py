"""What one user may have and do, over HTTP on both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tenure.domain.access import Kind, Role
from tenure.settings import Quotas
from tests.api.calls import Api, Callers, add_user, fresh_queue, problem, with_token
from tests.api.conftest import required, serving

pytestmark = pytest.mark.anyio
MOST = Quotas(unfinished_jobs=5, jobs_per_minute=40, schedules=2)
CRON = {"cron": "0 0 1 1 *", "job": {"type": "echo"}}


@pytest.fixture(scope="module")
async def callers(
    database_url: str, anyio_backend: object, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Callers]:
    """An application with small quotas."""
    settings = required(database_url, tmp_path_factory.mktemp("quotas"))
    async with (
        serving(settings.model_copy(update={"quotas": MOST})) as api,
        AsyncExitStack() as stack,
    ):
        yield await Callers.of(api, stack)


@pytest.fixture
async def user(callers: Callers) -> AsyncIterator[Api]:
    """A user of this test's own."""
    async with AsyncExitStack() as stack:
        here = callers.anonymous
        id_ = await add_user(here, fresh_queue(), Role.USER)
        yield await with_token(here, stack, Kind.API_TOKEN, id_)


async def test_unfinished_jobs_are_bounded_by_owner(callers: Callers, user: Api) -> None:
    queue = fresh_queue()
    first, *_ = await user.submit(queue, 5)
    job = {"type": "echo", "queue": queue}
    graph = {"jobs": [{"key": "a", **job}]}
    for path, body in (
        ("/api/jobs", job), ("/api/jobs/batch", [job]), ("/api/workflows", graph),
    ):  # fmt: skip
        answer = await user.client.post(path, json=body)
        told = problem(answer, 429, "quota_exceeded")
        assert "unfinished_jobs: at most 5, 5 are there" in told["detail"]
        assert int(answer.headers["retry-after"]) > 0
    for api in (callers.other, callers.admin):
        assert (await api.client.post("/api/jobs", json=job)).status_code == 201
    await user.client.post(f"/api/jobs/{first}/cancel")
    answer = await user.client.post("/api/jobs/batch?atomic=false", json=[job, job])
    assert [item["outcome"] for item in answer.json()["items"]] == ["created", "refused"]
    assert answer.json()["items"][1]["error"]["code"] == "quota_exceeded"


async def test_the_same_request_again_is_answered_beyond_the_bound(user: Api) -> None:
    job = {"type": "echo", "queue": fresh_queue()}
    headers = {"Idempotency-Key": "full"}
    ids = set()
    for _ in range(2):
        answer = await user.client.post("/api/jobs/batch", json=[job] * 5, headers=headers)
        assert answer.status_code == 201
        ids.add(answer.json()["items"][0]["id"])
    assert len(ids) == 1


async def test_a_pace_of_jobs_a_minute(callers: Callers, user: Api) -> None:
    """Also what is refused counts, however it comes in."""
    job = {"type": "echo", "queue": fresh_queue()}
    for _ in range(5):
        await user.client.post("/api/jobs/batch", json=[job] * 8)
    for path, body in (("/api/jobs", job), ("/api/jobs/batch", [job])):
        answer = await user.client.post(path, json=body)
        told = problem(answer, 429, "quota_exceeded")
        assert "jobs_per_minute: at most 40" in told["detail"]
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (await callers.other.client.post("/api/jobs", json=job)).status_code == 201
    answer = await callers.admin.client.post("/api/jobs/batch", json=[job] * 100)
    assert answer.status_code == 201


async def test_schedules_are_bounded_and_so_is_what_they_submit(user: Api) -> None:
    client, named = user.client, {"Idempotency-Key": "first"}
    graph = {"jobs": [{"key": str(n), "type": "echo"} for n in range(4)]}
    made = []
    for body in (CRON, {"cron": CRON["cron"], "workflow": graph}):
        headers = named if body is CRON else {}
        answer = await client.post("/api/schedules", json=body, headers=headers)
        assert answer.status_code == 201
        made.append(answer.json()["id"])
    told = problem(await client.post("/api/schedules", json=CRON), 429, "quota_exceeded")
    assert "schedules: at most 2, 2 are there" in told["detail"]
    again = await client.post("/api/schedules", json=CRON, headers=named)
    assert again.json()["id"] == made[0]
    assert (await client.post(f"/api/schedules/{made[1]}/trigger")).status_code == 201
    problem(await client.post(f"/api/schedules/{made[1]}/trigger"), 429, "quota_exceeded")
    await client.delete(f"/api/schedules/{made[0]}")
    assert (await client.post("/api/schedules", json=CRON)).status_code == 201
