"""Who is let in, and as whom."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tenure.coordinator import credentials
from tenure.domain.access import Kind, Permission
from tests.api.calls import Callers, problem, with_bearer, with_token

pytestmark = pytest.mark.anyio


async def test_probes_are_open_and_everything_else_is_not(callers: Callers) -> None:
    client = callers.anonymous.client
    assert (await client.get("/health")).status_code == 200
    for path in ("/api/jobs", "/api/stats", "/api/workers", "/api/schedules"):
        answer = await client.get(path)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    problem(await client.post("/api/jobs", json={"type": "echo"}), 401, "unauthenticated")


async def test_roles_may_what_they_may(callers: Callers) -> None:
    for caller in (callers.admin, callers.user, callers.other):
        assert (await caller.client.post("/api/jobs", json={"type": "a"})).status_code == 201
        assert (await caller.client.get("/api/jobs")).status_code == 200
    assert (await callers.viewer.client.get("/api/jobs")).status_code == 200
    problem(await callers.viewer.client.post("/api/jobs", json={"type": "a"}), 403, "forbidden")
    problem(await callers.worker.client.get("/api/jobs"), 403, "forbidden")
    for caller in (callers.user, callers.viewer):
        problem(await caller.client.post("/api/workers/register", json={"name": "w"}), 403)
    assert await callers.worker.register("default")


async def test_who_submits_owns(callers: Callers) -> None:
    answer = await callers.user.client.post("/api/jobs", json={"type": "echo"})
    assert answer.json()["owner_id"] == callers.ids["user"]


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Bearer ", "Basic dXNlcjp0bnI=", "tnr_x", "Bearer x", "Bearer tnr_",
        "Bearer tnr_" + "A" * 43, "Bearer tnw_" + "A" * 43, "Bearer " + "A" * 5000,
        "Bearer tnr_" + "\u00fc" * 43, "Bearer tnr_' OR 1=1 --" + "A" * 26, "Token x",
    ],
)  # fmt: skip
async def test_what_is_no_token_is_nobody(callers: Callers, header: str) -> None:
    client = callers.anonymous.client
    raw = [(b"authorization", header.encode("latin-1"))]
    problem(await client.get("/api/jobs", headers=raw), 401, "unauthenticated")
    assert (await client.get("/health", headers=raw)).status_code == 200


async def test_two_tokens_are_none(callers: Callers) -> None:
    good = callers.admin.client.headers["authorization"]
    headers = [("Authorization", good), ("Authorization", good)]
    problem(await callers.anonymous.client.get("/api/jobs", headers=headers), 401)


async def test_the_scheme_is_read_in_any_case(callers: Callers) -> None:
    good = callers.admin.client.headers["authorization"].replace("Bearer", "bEARER")
    answer = await callers.anonymous.client.get("/api/jobs", headers={"Authorization": good})
    assert answer.status_code == 200


async def test_an_expired_token_is_refused(callers: Callers) -> None:
    now = callers.admin.coordinator.clock.now()
    async with AsyncExitStack() as stack:
        old = await with_token(
            callers.anonymous, stack, Kind.API_TOKEN, callers.ids["admin"], expires_at=now - 1
        )
        found = problem(await old.client.get("/api/jobs"), 401, "unauthenticated")
        assert "expired" in found["detail"]


async def test_scopes_narrow_what_the_role_grants(callers: Callers) -> None:
    async with AsyncExitStack() as stack:
        user = callers.ids["user"]
        reading, administering = [
            await with_token(callers.anonymous, stack, Kind.API_TOKEN, user, scopes=(scope,))
            for scope in (Permission.READ, Permission.ADMINISTER)
        ]
        assert (await reading.client.get("/api/jobs")).status_code == 200
        problem(await reading.client.post("/api/jobs", json={"type": "a"}), 403, "forbidden")
        problem(await administering.client.get("/api/jobs"), 403, "forbidden")
        drain = "/api/workers/0193474a-0000-7000-8000-00000000000c/drain"
        problem(await administering.client.post(drain), 403, "forbidden")


async def test_a_token_is_not_one_of_the_other_kind(callers: Callers) -> None:
    token = callers.admin.client.headers["authorization"].removeprefix("Bearer ")
    turned = credentials.WORKER_TOKEN + token.removeprefix(credentials.API_TOKEN)
    async with AsyncExitStack() as stack:
        caller = await with_bearer(callers.anonymous, stack, turned)
        problem(await caller.client.get("/api/jobs"), 401, "unauthenticated")
