"""Every answer of a throttled route says how much is left, and a refusal when to come back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from litestar import Litestar, post
from litestar.datastructures import State

from tenure.api import problems
from tenure.api.app import create_app
from tenure.api.exchange import Ask
from tenure.api.gate import Gate
from tenure.api.proxies import Proxied
from tenure.api.throttling import admit
from tenure.coordinator.coordinator import Coordinator
from tenure.coordinator.throttling import Door, Throttle
from tenure.domain.clock import Clock
from tenure.settings import Limits, Settings
from tests.api.calls import problem

pytestmark = pytest.mark.anyio


@post("/knock", status_code=204)
async def knock(request: Ask) -> None:
    admit(request, Door.REGISTER)


def _client() -> httpx.AsyncClient:
    throttle = Throttle(Clock(), Limits(registrations=2))
    app = Litestar(
        [knock],
        exception_handlers=problems.HANDLERS,
        state=State({"coordinator": SimpleNamespace(throttle=throttle)}),
        logging_config=None,
        openapi_config=None,
    )
    app.asgi_handler = Proxied(Gate(app.asgi_handler, Settings()), ["127.0.0.1"])
    called: Any = app
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=called), base_url="http://127.0.0.1")


async def test_the_headers_count_down_to_a_refusal() -> None:
    async with _client() as client:
        first = await client.post("/knock")
        assert first.headers["ratelimit-policy"] == '"register";q=2;w=3600'
        assert first.headers["ratelimit"].startswith('"register";r=1;t=')
        assert (await client.post("/knock")).headers["ratelimit"].startswith('"register";r=0;t=')
        refused = await client.post("/knock")
        problem(refused, 429, "too_many")
        assert refused.headers["ratelimit"].startswith('"register";r=0;t=')
        assert 0 < int(refused.headers["retry-after"]) <= 1800


async def test_who_called_is_told_by_a_trusted_proxy_alone() -> None:
    async with _client() as client:
        for _ in range(3):
            answer = await client.post("/knock", headers={"X-Forwarded-For": "192.0.2.1"})
        assert answer.status_code == 429
        answer = await client.post("/knock", headers={"X-Forwarded-For": "192.0.2.2"})
        assert answer.status_code == 204
        answer = await client.post("/knock", headers={"X-Forwarded-For": "192.0.2.3, 192.0.2.1"})
        assert answer.status_code == 429


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An application with accounts and the limits of every installation but for registrations."""
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/t.db", auth="required",
        admin_token_file=str(tmp_path / "admin.token"), open_registration=True,
        limits=Limits(registrations=3, refreshes=2), trusted_proxies=("127.0.0.1",),
    )  # fmt: skip
    app: Any = create_app(Coordinator(settings))
    transport = httpx.ASGITransport(app=app)
    async with app.lifespan(), httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1"
    ) as client:  # fmt: skip
        made = await client.post("/api/auth/register", json=ANN)
        assert made.status_code == 201, made.text
        client.headers["Authorization"] = f"Bearer {(tmp_path / 'admin.token').read_text().strip()}"
        yield client


ANN = {"name": "ann", "email": "ann@example.org", "password": "correct horse battery"}
LOGIN = {"name": "ann", "password": ANN["password"]}


async def _login(client: httpx.AsyncClient, address: str, **body: str) -> httpx.Response:
    return await client.post(
        "/api/auth/login", json=LOGIN | body, headers={"X-Forwarded-For": address}
    )


async def test_guessing_a_password_is_slowed_down_wherever_it_comes_from(
    people: httpx.AsyncClient,
) -> None:
    answers = [await _login(people, f"192.0.2.{n}", password=f"wrong {n}") for n in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    problem(await _login(people, "192.0.2.99"), 429, "too_many")
    other = await _login(people, "192.0.2.100", name="nobody")
    assert other.status_code == 401
    assert other.headers["ratelimit-policy"] == '"login";q=30;w=60'


async def test_who_knows_the_password_is_not_slowed_down(people: httpx.AsyncClient) -> None:
    for _ in range(12):
        for password in ("wrong", str(ANN["password"])):
            answer = await _login(people, "192.0.2.1", password=password)
        assert answer.status_code == 200, answer.text


async def test_two_hundred_guesses_at_once_get_no_further(people: httpx.AsyncClient) -> None:
    guesses = [_login(people, "192.0.2.1", password=f"wrong {n}") for n in range(200)]
    statuses = Counter(answer.status_code for answer in await asyncio.gather(*guesses))
    assert statuses.keys() == {401, 429}
    assert 5 <= statuses[401] < 15  # more where the machine takes seconds for it


async def test_registrations_and_refreshes_have_a_pace_of_their_own(
    people: httpx.AsyncClient,
) -> None:
    statuses = []
    for number in range(3):
        path = "/api/auth/signup" if number else "/api/auth/register"
        body = ANN | {"name": f"n{number}", "email": f"n{number}@example.org"}
        statuses.append((await people.post(path, json=body)).status_code)
    assert statuses == [201, 201, 429]
    refreshed = [
        (await people.post("/api/auth/refresh", json={"refresh_token": "x" * 40})).status_code
        for _ in range(3)
    ]
    assert refreshed == [401, 401, 429]


async def test_what_happens_to_accounts_is_told(people: httpx.AsyncClient) -> None:
    await _login(people, "192.0.2.7", password="wrong")
    await _login(people, "192.0.2.7")
    body = {"name": "bob", "role": "viewer", "password": "correct horse battery"}
    bob = (await people.post("/api/users", json=body)).json()
    await people.patch("/api/users/bob", json={"role": "user", "disabled": True})
    await people.post("/api/users/bob/password", json={"password": "another long secret"})
    await people.delete("/api/users/bob")
    token = (await people.post("/api/tokens", json={"name": "ci"})).json()
    await people.delete(f"/api/tokens/{token['id']}")
    answer = await people.get("/api/audit")
    lines = answer.json()["items"][::-1]
    assert sorted(line["action"] for line in lines) == sorted([
        "user.create", "user.register", "user.login_failed", "user.login", "user.create",
        "user.change", "user.password", "user.delete", "token.create", "token.revoke",
    ])  # fmt: skip
    told = {line["action"]: line for line in lines}
    failed = told["user.login_failed"]
    assert (failed["actor"], failed["target_id"], failed["address"]) == (None, "ann", "192.0.2.7")
    assert (told["user.login"]["actor"], told["user.login"]["address"]) == ("ann", "192.0.2.7")
    change = told["user.change"]
    assert (change["target_id"], change["actor"]) == (bob["id"], "admin")
    assert change["before"]["role"] == "viewer"
    assert (change["after"]["role"], change["after"]["disabled"]) == ("user", True)
    assert change["token_id"] is not None
    for secret in (token["token"], "correct horse", "another long", "wrong"):
        assert secret not in answer.text
