"""Accounts of people over HTTP, and attacks on them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import jwt
import pytest
import sqlalchemy as sa

from tenure.coordinator.signing import ACCESS_SECONDS
from tenure.domain.clock import SECOND
from tenure.store import tables_access as ta
from tenure.store.secrets import read_secret
from tests.api.calls import Api, Callers, pointers, problem, with_bearer

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


class Person:
    """Somebody with an account, logged in."""

    def __init__(self, callers: Callers, name: str, login: dict[str, Any]) -> None:
        self.callers = callers
        self.name = name
        self.login = login

    async def ask(self, path: str = "/api/auth/me", token: str | None = None) -> httpx.Response:
        """GET with the access token."""
        headers = {"Authorization": f"Bearer {token or self.login['token']}"}
        return await self.callers.anonymous.client.get(path, headers=headers)

    async def post(self, path: str, **body: Any) -> httpx.Response:
        """POST with the access token."""
        headers = {"Authorization": f"Bearer {self.login['token']}"}
        return await self.callers.anonymous.client.post(path, json=body, headers=headers)

    async def refresh(self, token: str | None = None) -> httpx.Response:
        body = {"refresh_token": token or self.login["refresh_token"]}
        return await self.callers.anonymous.client.post("/api/auth/refresh", json=body)


async def logged_in(callers: Callers, **body: Any) -> httpx.Response:
    return await callers.anonymous.client.post("/api/auth/login", json=body)


async def somebody(callers: Callers, role: str = "user") -> Person:
    """A new user with the password above."""
    name = f"person-{next(_numbers)}"
    body = {"name": name, "email": f"{name}@example.org", "password": PASSWORD, "role": role}
    made = await callers.admin.client.post("/api/users", json=body)
    assert made.status_code == 201, made.text
    answer = await logged_in(callers, name=name, password=PASSWORD)
    assert answer.status_code == 200, answer.text
    return Person(callers, name, answer.json())


@pytest.fixture
async def person(callers: Callers) -> AsyncIterator[Person]:
    yield await somebody(callers)


async def access_key(callers: Callers) -> bytes:
    """What access tokens are signed with."""
    reader = callers.anonymous.coordinator.reader
    secret = await reader.run(lambda unit: read_secret(unit, "signing"))
    assert secret is not None
    return hmac.digest(secret.encode(), b"tenure access token", "sha256")


async def is_void(person: Person) -> None:
    """At once, where the change was made."""
    problem(await person.ask(), 401, "unauthenticated")


async def test_the_way_in(callers: Callers) -> None:
    client = callers.anonymous.client
    for path in ("/api/auth/register", "/api/auth/signup"):
        email = f"New{next(_numbers)}@Example.org"
        made = await client.post(path, json={"email": email, "password": PASSWORD})
        assert made.status_code == 201, made.text
        assert made.json()["email"] == email.lower()
        assert made.json()["role"] == "user"
        assert PASSWORD not in made.text
        answer = await logged_in(callers, email=email, password=PASSWORD)
        assert answer.status_code == 200
        told = answer.json()
        assert told.keys() == {
            "token", "refresh_token", "expires_in", "user_id", "email", "role",
        }  # fmt: skip
        assert told["expires_in"] == ACCESS_SECONDS <= 900
        assert told["user_id"] == made.json()["id"]
        headers = {"Authorization": f"Bearer {told['token']}"}
        me = (await client.get("/api/auth/me", headers=headers)).json()
        assert (me["id"], me["kind"], me["role"]) == (told["user_id"], "user", "user")
        assert me["permissions"] == ["account", "control", "execute", "read", "submit"]
        job = await client.post("/api/jobs", json={"type": "echo"}, headers=headers)
        assert job.json()["owner_id"] == told["user_id"]


@pytest.mark.parametrize("field", ["email", "name", "username"])
async def test_login_takes_name_or_e_mail_in_any_case(
    callers: Callers, person: Person, field: str
) -> None:
    for login in (person.name.upper(), f"{person.name}@EXAMPLE.org"):
        answer = await logged_in(callers, **{field: login, "password": PASSWORD})
        assert answer.status_code == 200


async def test_wrong_logins_are_all_alike(callers: Callers, person: Person) -> None:
    locked = await somebody(callers)
    change = {"disabled": True}
    await callers.admin.client.patch(f"/api/users/{locked.name}", json=change)
    tries: list[dict[str, Any]] = [
        {"name": person.name, "password": PASSWORD + "x"},
        {"name": "nobody", "password": PASSWORD},
        {"name": locked.name, "password": PASSWORD},
        {"name": "admin", "password": PASSWORD},  # has no password
        {"name": person.name, "password": "\u00fc"},
        {"name": "' OR 1=1 --", "password": PASSWORD},
    ]
    answers = [await logged_in(callers, **body) for body in tries]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"email": "a@b.c", "password": "short"}, "/password"),
        ({"email": "a@b.c", "password": "x" * 129}, "/password"),
        ({"email": "a@b.c", "password": "x\u0000" * 8}, "/password"),
        ({"email": "a@b.c", "password": 12345678}, "/password"),
        ({"email": "a@b.c"}, "/password"),
        ({"email": "nobody", "password": PASSWORD}, "/email"),
        ({"email": "a b@c.d", "password": PASSWORD}, "/email"),
        ({"email": "a@b@c", "password": PASSWORD}, "/email"),
        ({"name": "-x", "password": PASSWORD}, "/name"),
        ({"name": "a@b", "password": PASSWORD}, "/name"),
        ({"name": "x" * 65, "password": PASSWORD}, "/name"),
        ({"password": PASSWORD}, ""),
        ({"name": "a", "username": "b", "password": PASSWORD}, ""),
        ({"name": "mallory", "password": PASSWORD, "role": "admin"}, "/role"),
        ({"name": "mallory", "password": PASSWORD, "version": 7}, "/version"),
        ({"name": "mallory", "password": PASSWORD, "disabled": False}, "/disabled"),
    ],
)  # fmt: skip
async def test_a_sign_up_is_checked_and_takes_no_role(
    callers: Callers, body: dict[str, Any], where: str
) -> None:
    answer = await callers.anonymous.client.post("/api/auth/register", json=body)
    assert pointers(answer) == [where]
    assert PASSWORD not in answer.text
    problem(await logged_in(callers, name="mallory", password=PASSWORD), 401)


async def test_names_and_e_mails_are_taken_once(callers: Callers, person: Person) -> None:
    for twin in ({"name": person.name.upper()}, {"email": f"{person.name}@EXAMPLE.ORG"}):
        body = twin | {"password": PASSWORD}
        answer = await callers.anonymous.client.post("/api/auth/register", json=body)
        problem(answer, 409, "conflict")


async def test_refresh_tokens_are_good_once(callers: Callers, person: Person) -> None:
    first = person.login
    second = (await person.refresh()).json()
    assert second.keys() == first.keys()
    assert second["token"] != first["token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert (await person.ask(token=second["token"])).status_code == 200
    # The old one again: somebody has a copy, so nobody keeps anything.
    problem(await person.refresh(first["refresh_token"]), 401, "unauthenticated")
    problem(await person.refresh(second["refresh_token"]), 401, "unauthenticated")
    person.login = second
    await is_void(person)


async def test_a_second_use_is_told_once(callers: Callers, person: Person) -> None:
    asked = {"action": "user.token_reused", "target_id": person.login["user_id"]}
    used = person.login["refresh_token"]
    await person.refresh()
    for _ in range(3):
        problem(await person.refresh(used), 401)
    [line] = (await callers.admin.client.get("/api/audit", params=asked)).json()["items"]
    assert (line["actor"], line["target"], line["address"]) == (None, "user", "127.0.0.1")
    assert line["after"] == {"login": "ended"}
    assert used not in str(line)


async def test_one_login_reused_leaves_the_others(callers: Callers, person: Person) -> None:
    other = (await logged_in(callers, name=person.name, password=PASSWORD)).json()
    await person.refresh()
    problem(await person.refresh(), 401)
    assert (await person.ask(token=other["token"])).status_code == 200
    assert (await person.refresh(other["refresh_token"])).status_code == 200


async def test_refresh_tokens_are_kept_as_digests(callers: Callers, person: Person) -> None:
    here = callers.anonymous.coordinator
    rows = await here.store.read(
        lambda conn: [str(row) for row in conn.execute(sa.select(ta.refresh_tokens)).all()]
    )
    digest = hashlib.sha256(person.login["refresh_token"].encode()).hexdigest()
    assert sum(digest in row for row in rows) == 1
    assert not any(person.login["refresh_token"] in row for row in rows)


@pytest.mark.parametrize("token", ["", "tnf_", "tnf_" + "A" * 43, "x" * 201, "\u00fc"])
async def test_what_is_no_refresh_token_buys_nothing(callers: Callers, token: str) -> None:
    answer = await callers.anonymous.client.post("/api/auth/refresh", json={"refresh_token": token})
    assert answer.status_code in (401, 422)


async def test_an_access_token_refreshes_nothing_and_the_other_way_round(person: Person) -> None:
    problem(await person.refresh(person.login["token"][:200]), 401)
    problem(await person.ask(token=person.login["refresh_token"]), 401)


@pytest.mark.parametrize("by", ["refresh_token", "bearer"])
async def test_logout_ends_a_login(callers: Callers, person: Person, by: str) -> None:
    client = callers.anonymous.client
    if by == "bearer":
        headers = {"Authorization": f"Bearer {person.login['token']}"}
        answer = await client.post("/api/auth/logout", headers=headers)
    else:
        body = {"refresh_token": person.login["refresh_token"]}
        answer = await client.post("/api/auth/logout", json=body)
    assert answer.status_code == 204
    await is_void(person)
    problem(await person.refresh(), 401)
    problem(await client.post("/api/auth/logout"), 401)


async def test_a_changed_password_ends_every_other_login(callers: Callers, person: Person) -> None:
    other = (await logged_in(callers, name=person.name, password=PASSWORD)).json()
    body = {"current_password": "wrong", "new_password": "another password"}
    problem(await person.post("/api/auth/password", **body), 401)
    body["current_password"] = PASSWORD
    answer = await person.post("/api/auth/password", **body)
    assert answer.status_code == 200
    await is_void(person)
    problem(await person.ask(token=other["token"]), 401)
    problem(await person.refresh(other["refresh_token"]), 401)
    assert (await person.ask(token=answer.json()["token"])).status_code == 200
    problem(await logged_in(callers, name=person.name, password=PASSWORD), 401)
    again = await logged_in(callers, name=person.name, password="another password")
    assert again.status_code == 200


@pytest.mark.parametrize("what", ["demoted", "disabled", "deleted", "password"])
async def test_what_an_administrator_does_bites(callers: Callers, what: str) -> None:
    person = await somebody(callers, "admin")
    admin, path = callers.admin.client, f"/api/users/{person.name}"
    assert (await person.ask("/api/users")).status_code == 200
    if what == "demoted":
        assert (await admin.patch(path, json={"role": "viewer"})).json()["role"] == "viewer"
    elif what == "disabled":
        assert (await admin.patch(path, json={"disabled": True})).json()["disabled"] is True
    elif what == "deleted":
        assert (await admin.delete(path)).status_code == 204
    else:
        reset = await admin.post(f"{path}/password", json={"password": "set by the admin"})
        assert reset.status_code == 200
    await is_void(person)
    again = await person.refresh()
    if what == "demoted":
        assert again.json()["role"] == "viewer"
        problem(await person.ask("/api/users", again.json()["token"]), 403, "forbidden")
    else:
        problem(again, 401)


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def test_forged_access_tokens(callers: Callers, person: Person) -> None:
    head, claims_part, signature = person.login["token"].split(".")
    claims = jwt.decode(person.login["token"], options={"verify_signature": False})
    admin = claims | {"sub": callers.ids["admin"], "role": "admin"}
    here = callers.anonymous.coordinator
    now = here.clock.now() // SECOND
    mac = hmac.digest(b"", f"{_part({'alg': 'HS256'})}.{_part(admin)}".encode(), "sha256")
    forged = [
        f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(admin)}.",
        f"{_part({'alg': 'None', 'typ': 'JWT'})}.{_part(admin)}.{signature}",
        f"{_part({'alg': 'HS256'})}.{_part(admin)}.{base64.urlsafe_b64encode(mac).decode()}",
        f"{head}.{_part(admin)}.{signature}",
        f"{head}.{claims_part}.",
        f"{head}.{claims_part}.{'A' * len(signature)}",
        f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(admin)}.{signature}",
        f"{_part({'alg': 'HS512', 'typ': 'JWT'})}.{claims_part}.{signature}",
        f"{_part({'alg': 'HS256', 'jku': 'http://evil.example', 'kid': '../../dev/null'})}."
        f"{claims_part}.{signature}",
        jwt.encode(admin, "x" * 32, algorithm="HS256"),
        head + "." + claims_part,
        "..",
        "a.b.c",
    ]
    key = await access_key(callers)
    for wrong in (
        {"iss": "other"}, {"aud": "other"}, {"exp": now - 1}, {"exp": "soon"}, {"exp": None},
        {"ver": claims["ver"] + 1}, {"ver": claims["ver"] - 1}, {"ver": "x"},
        {"fam": callers.ids["admin"]}, {"fam": "'"}, {"sub": callers.ids["admin"]}, {"sub": ""},
        {"sub": None}, {"nbf": now + 1000},
    ):  # fmt: skip
        forged.append(jwt.encode(claims | wrong, key, algorithm="HS256"))
    forged += [
        jwt.encode({k: v for k, v in claims.items() if k != name}, key, algorithm="HS256")
        for name in claims
    ]
    said = f"{_part({'alg': 'HS384', 'typ': 'JWT'})}.{claims_part}"
    longer = base64.urlsafe_b64encode(hmac.digest(key, said.encode(), "sha384"))
    forged.append(f"{said}.{longer.decode().rstrip('=')}")
    for token in forged:
        problem(await person.ask(token=token), 401, "unauthenticated")
    assert (await person.ask()).status_code == 200


async def test_an_expired_access_token(callers: Callers, person: Person) -> None:
    here = callers.anonymous.coordinator
    claims = jwt.decode(person.login["token"], options={"verify_signature": False})
    assert {"iss", "aud", "jti", "exp"} <= claims.keys()
    assert claims["exp"] - claims["iat"] <= 900
    old = claims | {"iat": claims["iat"] - 1000, "exp": here.clock.now() // SECOND}
    token = jwt.encode(old, await access_key(callers), algorithm="HS256")
    assert "expired" in problem(await person.ask(token=token), 401)["detail"]


async def test_the_last_administrator_stays(fresh_callers: Callers) -> None:
    admin = fresh_callers.admin.client
    path = f"/api/users/{fresh_callers.ids['admin']}"
    users = (await admin.get("/api/users")).json()["items"]
    for user in users:
        if user["role"] == "admin" and user["id"] != fresh_callers.ids["admin"]:
            assert (await admin.delete(f"/api/users/{user['id']}")).status_code == 204
    for change in ({"role": "user"}, {"disabled": True}, {"role": "viewer", "disabled": False}):
        problem(await admin.patch(path, json=change), 409, "conflict")
    problem(await admin.delete(path), 409, "conflict")
    assert (await admin.patch(path, json={"role": "admin"})).status_code == 200
    other = f"/api/users/{fresh_callers.ids['user']}"
    assert (await admin.patch(other, json={"role": "admin"})).status_code == 200
    assert (await admin.patch(path, json={"role": "user"})).status_code == 200


async def test_registration_may_be_closed(closed: Api) -> None:
    for path in ("/api/auth/register", "/api/auth/signup"):
        body = {"name": "mallory", "password": PASSWORD}
        problem(await closed.client.post(path, json=body), 403, "forbidden")
    answer = await closed.client.post("/api/auth/login", json={"name": "mallory", "password": "x"})
    problem(answer, 401)


async def test_who_is_asked_without_authentication(fresh: Api) -> None:
    me = (await fresh.client.get("/api/auth/me")).json()
    assert (me["id"], me["name"], me["role"], me["kind"]) == (None, "local", "admin", "local")
    problem(await fresh.client.post("/api/auth/password", json={
        "current_password": "x", "new_password": PASSWORD}), 403)  # fmt: skip
    problem(await fresh.client.post("/api/tokens", json={"name": "x"}), 403)


async def test_an_account_made_without_authentication_is_good(fresh: Api) -> None:
    body = {"name": "ann", "password": PASSWORD}
    assert (await fresh.client.post("/api/auth/register", json=body)).status_code == 201
    answer = await fresh.client.post("/api/auth/login", json=body)
    async with AsyncExitStack() as stack:
        ann = await with_bearer(fresh, stack, answer.json()["token"])
        assert (await ann.client.get("/api/auth/me")).json()["kind"] == "local"
