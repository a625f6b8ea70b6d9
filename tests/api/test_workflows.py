"""Workflows and dependencies over HTTP, on both stores."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.calls import Api, Member, fresh_queue, problem

pytestmark = pytest.mark.anyio
NOBODY = "0193474a-0000-7000-8000-0000000000aa"


def nodes(queue: str, **parents: Any) -> list[dict[str, Any]]:
    """Jobs of type echo: key and what it depends on."""
    return [
        {"key": key, "type": "echo", "queue": queue, "payload": key, "depends_on": above}
        for key, above in parents.items()
    ]


async def flow(api: Api, queue: str, **parents: Any) -> dict[str, Any]:
    answer = await api.client.post("/api/workflows", json={"jobs": nodes(queue, **parents)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def detail(api: Api, workflow_id: str) -> dict[str, Any]:
    answer = await api.client.get(f"/api/workflows/{workflow_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def statuses(api: Api, workflow_id: str) -> dict[str, str]:
    return {node["key"]: node["status"] for node in (await detail(api, workflow_id))["nodes"]}


async def run(worker: Member, count: int = 1, **told: Any) -> list[dict[str, Any]]:
    """Lease so many jobs and end them; their leases."""
    leases = await worker.acquire(10)
    assert len(leases) == count
    for lease in leases:
        assert (await worker.complete(lease, **told)).status_code == 200
    return leases


async def test_a_workflow_runs_to_its_end(api: Api) -> None:
    queue = fresh_queue()
    worker = await api.register(queue)
    jobs = nodes(queue, fetch=[], left=["fetch"], right=["fetch"])
    jobs += nodes(queue, sum=["left", {"key": "right", "on": "done"}])
    body = {"name": "daily", "jobs": jobs}
    answer = await api.client.post("/api/workflows", json=body)
    made = answer.json()
    assert answer.headers["location"] == f"/api/workflows/{made['id']}"
    assert (made["status"], made["total"], made["jobs"], made["finished_at"]) == (
        "running", 4, {"pending": 1, "blocked": 3}, None
    )  # fmt: skip
    (lease,) = await run(worker, result={"rows": 3})
    assert lease["workflow_id"] == made["id"]
    assert lease["parents"] == {}
    first, _ = await run(worker, 2, result="side")
    assert first["parents"] == {
        "fetch": {
            "job_id": lease["job_id"], "status": "completed", "result": {"rows": 3},
            "omitted": False,
        }
    }  # fmt: skip
    (last,) = await run(worker)
    assert {key: told["result"] for key, told in last["parents"].items()} == {
        "left": "side", "right": "side"
    }  # fmt: skip
    found = await detail(api, made["id"])
    assert (found["status"], found["jobs"], found["name"]) == (
        "completed",
        {"completed": 4},
        "daily",
    )
    assert found["finished_at"] is not None
    sums = found["nodes"][3]
    assert (sums["key"], sums["join"], [(e["key"], e["on"]) for e in sums["depends_on"]]) == (
        "sum", "all", [("left", "success"), ("right", "done")]
    )  # fmt: skip
    job = await api.job(sums["job_id"])
    assert (job["workflow_id"], job["key"]) == (made["id"], "sum")
    assert [edge["on"] for edge in job["depends_on"]] == ["success", "done"]


@pytest.mark.parametrize(
    ("jobs", "pointer", "words"),
    [
        (nodes("q", a=["b"], b=["c"], c=["a"]), "/jobs/0/depends_on", "a cycle: a -> b -> c -> a"),
        (nodes("q", a=["a"]), "/jobs/0/depends_on/0", "a depends on itself"),
        (nodes("q", fetch=[], b=["fetsh"]), "/jobs/1/depends_on/0", "did you mean fetch?"),
        (nodes("q", a=[], b=["a", "a"]), "/jobs/1/depends_on/1", "a is given twice"),
        (nodes("q", a=[]) + nodes("q", a=[]), "/jobs/1/key", "a is given twice"),
        (nodes("q", a=[{"job_id": NOBODY}]), "/jobs/0/depends_on/0", f"no job {NOBODY}"),
        (nodes("q", a=[{"key": "b", "on": "never"}]), "/jobs/0/depends_on/0/on", "success"),
        (nodes("q", a=[{}]), "/jobs/0/depends_on/0", "give key or job_id"),
        ([], "/jobs", "1 to 10000"),
        ([{"key": "n", "type": "echo"}] * 10_001, "/jobs", "1 to 10000 jobs, this has 10001"),
        ([{"type": "echo"}], "/jobs/0/key", "is required"),
        ([{"key": "a", "type": "echo", "priorty": 1}], "/jobs/0/priorty", "did you mean priority?"),
        ([{"key": "a", "type": "echo", "idempotency_key": "k"}], "/jobs/0/idempotency_key", "not"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_done(
    api: Api, jobs: list[Any], pointer: str, words: str
) -> None:
    before = (await api.client.get("/api/workflows")).json()
    found = problem(await api.client.post("/api/workflows", json={"jobs": jobs}), 422)
    assert found["errors"][0]["pointer"] == pointer
    assert words in found["errors"][0]["detail"]
    assert (await api.client.get("/api/workflows")).json() == before


async def test_a_key_makes_one_workflow(api: Api) -> None:
    body = {"jobs": nodes(fresh_queue(), a=[], b=["a"])}
    headers = {"Idempotency-Key": fresh_queue()}
    first = await api.client.post("/api/workflows", json=body, headers=headers)
    again = await api.client.post("/api/workflows", json=body, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await api.client.post("/api/workflows", json=body | {"name": "x"}, headers=headers)
    problem(other, 422, "idempotency_mismatch")


async def test_run_at_holds_back_the_first_jobs(api: Api) -> None:
    body = {"jobs": nodes(fresh_queue(), a=[], b=["a"]), "delay_seconds": 3600}
    made = (await api.client.post("/api/workflows", json=body)).json()
    assert made["jobs"] == {"scheduled": 1, "blocked": 1}
    assert await statuses(api, made["id"]) == {"a": "scheduled", "b": "blocked"}


async def test_cancelling_leaves_nothing_to_lease(api: Api) -> None:
    queue = fresh_queue()
    worker = await api.register(queue)
    made = await flow(api, queue, a=[], b=["a"], c=["b"], d=[])
    a, d = await worker.acquire(10)
    assert (await worker.complete(a)).status_code == 200
    answer = await api.client.post(f"/api/workflows/{made['id']}/cancel", json={"reason": "no"})
    assert answer.json()["jobs"] == {"completed": 1, "cancelled": 2, "running": 1}
    assert await worker.acquire(10) == []
    told = (await worker.beat([d])).json()
    assert told["cancel"][0]["reason"] == "no"
    again = await api.client.post(f"/api/workflows/{made['id']}/cancel")
    assert again.status_code == 200
    await worker.complete(d, outcome="cancelled")
    assert (await detail(api, made["id"]))["status"] == "cancelled"
    assert (await api.client.post(f"/api/workflows/{made['id']}/cancel")).status_code == 200
    answer = await api.client.post(f"/api/workflows/{made['id']}/retry")
    assert answer.json()["jobs"] == {"completed": 1, "pending": 2, "blocked": 1}


async def test_retry_runs_what_failed_and_what_was_skipped(api: Api) -> None:
    queue = fresh_queue()
    worker = await api.register(queue)
    made = await flow(api, queue, a=[], b=["a"])
    await run(worker, outcome="failed", retryable=False, error={"message": "no"})
    assert await statuses(api, made["id"]) == {"a": "failed", "b": "skipped"}
    listed = await api.client.get("/api/workflows?status=failed&limit=1")
    assert [item["id"] for item in listed.json()["items"]] == [made["id"]]
    answer = await api.client.post(f"/api/workflows/{made['id']}/retry", json={"reason": "mended"})
    assert answer.json()["jobs"] == {"pending": 1, "blocked": 1}
    await run(worker)
    await run(worker)
    assert (await detail(api, made["id"]))["status"] == "completed"
    problem(await api.client.post(f"/api/workflows/{made['id']}/retry"), 409, "illegal_transition")
    problem(await api.client.post(f"/api/workflows/{made['id']}/cancel"), 409, "illegal_transition")


async def test_the_list_goes_on(api: Api) -> None:
    made = [(await flow(api, fresh_queue(), a=[]))["id"] for _ in range(3)]
    seen: list[str] = []
    after = ""
    for _ in range(3):
        page = (await api.client.get(f"/api/workflows?limit=1{after}")).json()
        seen += [item["id"] for item in page["items"]]
        after = f"&after={page['next']}"
    assert seen == made[::-1]
    problem(await api.client.get("/api/workflows?status=good"), 422)
    problem(await api.client.get("/api/workflows?after=xx"), 422)


@pytest.mark.parametrize("what", ["", "/cancel", "/retry"])
async def test_an_unknown_workflow(api: Api, what: str) -> None:
    method = "POST" if what else "GET"
    answer = await api.client.request(method, f"/api/workflows/{NOBODY}{what}")
    problem(answer, 404, "workflow_not_found")


class TestDependsOn:
    async def test_a_job_waits_for_others(self, api: Api) -> None:
        queue = fresh_queue()
        worker = await api.register(queue)
        (parent,) = await api.submit(queue)
        body = {"type": "echo", "queue": queue, "depends_on": [parent]}
        answer = await api.client.post("/api/jobs", json=body)
        assert (answer.json()["status"], answer.json()["reason"]) == ("blocked", "dependencies")
        await run(worker, result=7)
        (lease,) = await run(worker)
        assert lease["parents"][parent]["result"] == 7
        assert lease["workflow_id"] is None

    async def test_an_unknown_parent_is_named(self, api: Api) -> None:
        body = {"type": "echo", "depends_on": [{"job_id": NOBODY, "on": "done"}]}
        found = problem(await api.client.post("/api/jobs", json=body), 422)
        assert found["errors"][0]["pointer"] == "/depends_on/0"
        keyed = {"Idempotency-Key": fresh_queue()}
        for _ in range(2):
            problem(await api.client.post("/api/jobs", json=body, headers=keyed), 422)
        good = await api.client.post("/api/jobs", json={"type": "echo"}, headers=keyed)
        assert good.status_code == 201, "a refused request took no key"
        batch = await api.client.post("/api/jobs/batch", json=[{"type": "echo"}, body])
        assert problem(batch, 422)["errors"][0]["pointer"] == "/1/depends_on/0"
        each = await api.client.post("/api/jobs/batch?atomic=false", json=[{"type": "echo"}, body])
        assert [item["outcome"] for item in each.json()["items"]] == ["created", "refused"]

    @pytest.mark.parametrize(
        ("more", "pointer"),
        [
            ({"depends_on": [NOBODY, NOBODY]}, ""),
            ({"depends_on": ["x"]}, "/depends_on/0/job_id"),
            ({"join": "some"}, "/join"),
            ({"key": "k"}, ""),
        ],
    )
    async def test_what_is_wrong_is_named(self, api: Api, more: Any, pointer: str) -> None:
        found = problem(await api.client.post("/api/jobs", json={"type": "echo"} | more), 422)
        assert found["errors"][0]["pointer"] == pointer


class TestAdded:
    """Jobs that a running job submits."""

    async def add(self, api: Api, lease: dict[str, Any], **more: Any) -> httpx.Response:
        body = {
            "type": "echo", "queue": lease["queue"],
            "parent": {"job_id": lease["job_id"], "fence": lease["fence"]},
        }  # fmt: skip
        return await api.client.post("/api/jobs", json=body | more)

    async def test_they_join_and_the_children_wait_for_them(self, api: Api) -> None:
        queue = fresh_queue()
        worker = await api.register(queue)
        made = await flow(api, queue, split=[], sum=["split"])
        (split,) = await worker.acquire()
        first = await self.add(api, split, key="part-1", payload=1)
        again = await self.add(api, split, key="part-1", payload=1)
        assert first.status_code == again.status_code == 201
        assert first.json()["id"] == again.json()["id"]
        assert again.headers["idempotency-replayed"] == "true"
        assert (await self.add(api, split, key="part-2")).status_code == 201
        await worker.complete(split)
        assert (await statuses(api, made["id"]))["sum"] == "blocked"
        await run(worker, 2, result=1)
        (last,) = await run(worker)
        assert sorted(last["parents"]) == ["part-1", "part-2", "split"]
        found = await detail(api, made["id"])
        assert (found["status"], found["total"]) == ("completed", 4)

    async def test_a_stale_fence_adds_nothing(self, api: Api) -> None:
        queue = fresh_queue()
        worker = await api.register(queue)
        await api.submit(queue)
        (lease,) = await run(worker)
        problem(await self.add(api, lease), 409, "lease_lost")
        problem(await self.add(api, lease | {"fence": 9}), 409, "lease_lost")

    async def test_nothing_joins_a_cancelled_workflow(self, api: Api) -> None:
        queue = fresh_queue()
        worker = await api.register(queue)
        made = await flow(api, queue, a=[])
        (lease,) = await worker.acquire()
        await api.client.post(f"/api/workflows/{made['id']}/cancel")
        problem(await self.add(api, lease), 409, "conflict")

    async def test_without_a_workflow_the_key_is_the_callers(self, api: Api) -> None:
        queue = fresh_queue()
        worker = await api.register(queue)
        await api.submit(queue, 2)
        one, two = await worker.acquire(2)
        found = [(await self.add(api, lease, key="k")).json()["id"] for lease in (one, one, two)]
        assert found[0] == found[1] != found[2]

    async def test_it_cannot_wait_for_who_waits_for_it(self, api: Api) -> None:
        queue = fresh_queue()
        worker = await api.register(queue)
        made = await flow(api, queue, a=[], b=["a"], c=["b"])
        (lease,) = await worker.acquire()
        last = (await detail(api, made["id"]))["nodes"][2]["job_id"]
        found = problem(await self.add(api, lease, depends_on=[last]), 422)
        assert found["errors"][0]["pointer"] == "/depends_on/0"
        other = (await self.add(api, lease, key="first")).json()["id"]
        chained = await self.add(api, lease, key="second", depends_on=[other])
        assert chained.json()["status"] == "blocked"

    async def test_only_one_job_at_a_time(self, api: Api) -> None:
        body = [{"type": "echo", "parent": {"job_id": NOBODY, "fence": 1}}]
        found = problem(await api.client.post("/api/jobs/batch", json=body), 422)
        assert found["errors"][0]["pointer"] == "/0/parent"
        headers = {"Idempotency-Key": fresh_queue()}
        problem(await api.client.post("/api/jobs", json=body[0], headers=headers), 422)


async def test_waiting_for_a_workflow_ends_with_its_last_job(api: Api) -> None:
    queue = fresh_queue()
    worker = await api.register(queue)
    made = await flow(api, queue, a=[], b=["a"])
    path = f"/api/workflows/{made['id']}"
    early = await api.client.get(f"{path}?wait=0.01")
    assert (early.status_code, early.json()["status"]) == (200, "running")
    waiting = asyncio.create_task(api.client.get(f"{path}?wait=25", timeout=30))
    await run(worker)
    await run(worker)
    ended = await waiting
    assert (ended.json()["status"], ended.json()["jobs"]) == ("completed", {"completed": 2})
    assert (await api.client.get(f"{path}?wait=25")).json()["finished_at"] is not None


@pytest.mark.parametrize("wait", ["-1", "soon", "nan"])
async def test_a_wait_is_a_number_of_seconds(api: Api, wait: str) -> None:
    made = await flow(api, fresh_queue(), a=[])
    answer = await api.client.get(f"/api/workflows/{made['id']}?wait={wait}")
    assert "wait" in problem(answer, 422)["detail"]


async def test_the_answer_says_where_a_job_stands_whose_parents_have_ended(api: Api) -> None:
    queue = fresh_queue()
    worker = await api.register(queue)
    good, bad, open_ = await api.submit(queue, 3)
    leases = {lease["job_id"]: lease for lease in await worker.acquire(2)}
    assert set(leases) == {good, bad}
    await worker.complete(leases[good])
    await worker.complete(leases[bad], outcome="failed", retryable=False)
    for parents, told in (
        ([good], ("pending", None)),
        ([good, open_], ("blocked", "dependencies")),
        ([open_, bad], ("skipped", "upstream_failed")),
    ):
        body = {"type": "echo", "queue": "nobody", "depends_on": parents}
        job = (await api.client.post("/api/jobs", json=body)).json()
        assert (job["status"], job["reason"]) == told
        assert [edge["job_id"] for edge in job["depends_on"]] == sorted(parents)
    made = await flow(api, "nobody", a=[{"job_id": good}], b=[{"job_id": bad}], c=["b"])
    assert made["jobs"] == {"pending": 1, "skipped": 2}
