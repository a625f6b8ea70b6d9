"""API tokens over HTTP."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.access import Kind, Permission
from tenure.store import tables_access as ta
from tests.api.calls import Api, Callers, pointers, problem, with_bearer, with_token

pytestmark = pytest.mark.anyio


async def made(api: Api, **body: Any) -> dict[str, Any]:
    answer = await api.client.post("/api/tokens", json={"name": "ci"} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_token_is_told_once_and_kept_as_a_digest(callers: Callers) -> None:
    told = await made(callers.user, expires_in_seconds=3600)
    assert told["token"].startswith("tnr_")
    assert (told["kind"], told["user_id"]) == ("api", callers.ids["user"])
    listed = await callers.user.client.get("/api/tokens?limit=500")
    assert told["token"] not in listed.text
    assert told["id"] in [item["id"] for item in listed.json()["items"]]
    here = callers.anonymous.coordinator
    rows = await here.store.read(lambda conn: str(conn.execute(sa.select(ta.api_tokens)).all()))
    assert told["token"] not in rows
    async with AsyncExitStack() as stack:
        program = await with_bearer(callers.anonymous, stack, told["token"])
        assert (await program.client.get("/api/auth/me")).json()["kind"] == "api_token"
        assert (await program.client.post("/api/jobs", json={"type": "a"})).status_code == 201
        items = (await callers.user.client.get("/api/tokens?limit=500")).json()["items"]
        [used] = [item["last_used_at"] for item in items if item["id"] == told["id"]]
        assert used is not None
        path = f"/api/tokens/{told['id']}"
        assert (await callers.user.client.delete(path)).status_code == 204
        problem(await program.client.get("/api/auth/me"), 401)
        problem(await callers.user.client.delete(path), 404, "token_not_found")


async def test_tokens_of_others_are_not_there(callers: Callers) -> None:
    told = await made(callers.user)
    path = f"/api/tokens/{told['id']}"
    items = (await callers.other.client.get("/api/tokens?limit=500")).json()["items"]
    assert told["id"] not in [item["id"] for item in items]
    problem(await callers.other.client.delete(path), 404, "token_not_found")
    everybodys = (await callers.admin.client.get("/api/tokens?limit=500")).json()["items"]
    assert told["id"] in [item["id"] for item in everybodys]
    assert (await callers.admin.client.delete(path)).status_code == 204
    for wrong in ("x", "' OR 1=1 --", callers.ids["user"]):
        problem(await callers.admin.client.delete(f"/api/tokens/{wrong}"), 404, "token_not_found")


async def test_a_token_does_no_more_than_who_made_it(callers: Callers) -> None:
    for scope in ("administer", "work", "script"):
        body = {"name": "x", "scopes": ["read", scope]}
        problem(await callers.user.client.post("/api/tokens", json=body), 403, "forbidden")
    problem(
        await callers.user.client.post("/api/tokens", json={"name": "x", "kind": "worker"}), 403
    )
    async with AsyncExitStack() as stack:
        now = callers.anonymous.coordinator.clock.now()
        narrow = await with_token(
            callers.anonymous, stack, Kind.API_TOKEN, callers.ids["admin"],
            scopes=(Permission.ACCOUNT, Permission.READ), expires_at=now + 3_600_000_000,
        )  # fmt: skip
        for scope in ("administer", "submit", "control", "work"):
            body = {"name": "x", "scopes": [scope]}
            problem(await narrow.client.post("/api/tokens", json=body), 403, "forbidden")
        problem(await narrow.client.post("/api/tokens", json={"name": "x", "kind": "worker"}), 403)
        child = await made(narrow)
        assert child["scopes"] == ["account", "read"]
        assert child["expires_at"] is not None
        further = await made(narrow, expires_in_seconds=10**8)
        assert further["expires_at"] == child["expires_at"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ["/name"]),
        ({"name": ""}, ["/name"]),
        ({"name": "x", "scopes": []}, ["/scopes"]),
        ({"name": "x", "scopes": ["everything"]}, ["/scopes/0", "/scopes"]),
        ({"name": "x", "scopes": ["open"]}, ["/scopes/0", "/scopes"]),
        ({"name": "x", "kind": "root"}, ["/kind"]),
        ({"name": "x", "queues": ["a"]}, [""]),
        ({"name": "x", "kind": "worker", "scopes": ["read"]}, [""]),
        ({"name": "x", "expires_in_seconds": 0}, ["/expires_in_seconds"]),
        ({"name": "x", "expires_in_seconds": 5, "expires_at": "2090-01-01T00:00:00Z"}, [""]),
        ({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, ["/expires_at"]),
        ({"name": "x", "user_id": "0193474a-0000-7000-8000-00000000000c"}, ["/user_id"]),
        ({"name": "x", "token": "tnr_mine"}, ["/token"]),
    ],
)  # fmt: skip
async def test_wrong_wishes(callers: Callers, body: dict[str, Any], where: list[str]) -> None:
    assert pointers(await callers.admin.client.post("/api/tokens", json=body)) == where


async def test_the_tokens_of_a_deleted_user_go_with_it(callers: Callers) -> None:
    body = {"name": "short-lived", "role": "user"}
    user_id = (await callers.admin.client.post("/api/users", json=body)).json()["id"]
    async with AsyncExitStack() as stack:
        program = await with_token(callers.anonymous, stack, Kind.API_TOKEN, user_id)
        assert (await program.client.get("/api/auth/me")).status_code == 200
        change = {"disabled": True}
        await callers.admin.client.patch("/api/users/short-lived", json=change)
        problem(await program.client.get("/api/auth/me"), 401)
        await callers.admin.client.patch("/api/users/short-lived", json={"disabled": False})
        assert (await program.client.get("/api/auth/me")).status_code == 200
        assert (await callers.admin.client.delete("/api/users/short-lived")).status_code == 204
        problem(await program.client.get("/api/auth/me"), 401)
