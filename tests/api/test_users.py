"""Accounts as administrators change them, over HTTP."""

from __future__ import annotations

import pytest

from tests.api.calls import Callers, pointers, problem

pytestmark = pytest.mark.anyio


async def test_only_administrators(callers: Callers) -> None:
    path = f"/api/users/{callers.ids['admin']}"
    for caller in (callers.user, callers.viewer, callers.worker):
        client = caller.client
        problem(await client.get("/api/users"), 403, "forbidden")
        problem(await client.get(path), 403, "forbidden")
        problem(await client.post("/api/users", json={"name": "x"}), 403, "forbidden")
        problem(await client.patch(path, json={"role": "user"}), 403, "forbidden")
        problem(await client.delete(path), 403, "forbidden")
        problem(await client.post(f"{path}/password", json={"password": "x" * 9}), 403)
    own = f"/api/users/{callers.ids['user']}"
    problem(await callers.user.client.patch(own, json={"role": "admin"}), 403, "forbidden")


async def test_a_user_is_made_found_and_deleted(callers: Callers) -> None:
    admin = callers.admin.client
    body = {"name": "Wendy", "email": "W@Example.org", "role": "viewer"}
    answer = await admin.post("/api/users", json=body)
    assert answer.status_code == 201
    user = answer.json()
    assert answer.headers["location"] == f"/api/users/{user['id']}"
    assert (user["name"], user["email"], user["role"]) == ("wendy", "w@example.org", "viewer")
    assert (user["disabled"], user["has_password"], user["last_login_at"]) == (False, False, None)
    for who in (user["id"], "wendy", "WENDY", "w@example.org"):
        assert (await admin.get(f"/api/users/{who}")).json() == user
    problem(await admin.post("/api/users", json=body), 409, "conflict")
    assert (await admin.delete("/api/users/wendy")).status_code == 204
    for call in (
        admin.get("/api/users/wendy"), admin.delete("/api/users/wendy"),
        admin.patch(f"/api/users/{user['id']}", json={"role": "user"}),
        admin.post("/api/users/wendy/password", json={"password": "x" * 9}),
    ):  # fmt: skip
        problem(await call, 404, "user_not_found")


async def test_the_list_goes_page_by_page(callers: Callers) -> None:
    admin = callers.admin.client
    whole = (await admin.get("/api/users?limit=500")).json()["items"]
    ids = [user["id"] for user in whole]
    assert set(callers.ids.values()) <= set(ids)
    assert ids == sorted(ids)
    found, after = [], None
    while True:
        path = "/api/users?limit=2" + (f"&after={after}" if after else "")
        page = (await admin.get(path)).json()
        found += [user["id"] for user in page["items"]]
        if (after := page["next"]) is None:
            break
    assert found == ids
    assert pointers(await admin.get("/api/users?after=x")) == ["/after"]


@pytest.mark.parametrize("body", [{}, {"role": "worker"}, {"role": "root"}, {"disabled": 1}])
async def test_wrong_changes(callers: Callers, body: dict[str, object]) -> None:
    path = f"/api/users/{callers.ids['other']}"
    problem(await callers.admin.client.patch(path, json=body), 422)
    problem(await callers.admin.client.post("/api/users", json=body | {"name": "?"}), 422)
