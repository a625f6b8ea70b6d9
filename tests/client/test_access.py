"""Accounts and tokens in both Python clients."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from anyio import to_thread

from tenure import AsyncClient, Client
from tenure.client.access import Accounts, AsyncAccounts, create_token
from tenure.domain.errors import (
    Conflict,
    Forbidden,
    TokenNotFound,
    Unauthenticated,
    UserNotFound,
)
from tests.worker.running import Running

pytestmark = pytest.mark.anyio

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A coordinator that asks everybody."""
    directory = tmp_path_factory.mktemp("asking")
    running = Running(directory)
    running.ask_everybody(directory)
    with running:
        yield running


@pytest.fixture(params=["blocking", "async"])
async def ask(request: pytest.FixtureRequest, running: Running) -> AsyncIterator[Ask]:
    """`await ask(method, ...)` of the accounts, on either client, as an administrator."""
    if request.param == "blocking":
        with Client(running.url, token=running.token) as client:

            async def blocking(method: str, *given: Any, **named: Any) -> Any:
                call = getattr(client.accounts, method)
                return await to_thread.run_sync(lambda: call(*given, **named))

            yield blocking
    else:
        async with AsyncClient(running.url, token=running.token) as client_:

            async def awaited(method: str, *given: Any, **named: Any) -> Any:
                return await getattr(client_.accounts, method)(*given, **named)

            yield awaited


async def test_users_and_tokens(ask: Ask, running: Running) -> None:
    me = await ask("me")
    assert (me.role, me.kind) == ("admin", "api_token")
    user = await ask("add_user", name="ann", password="long enough")
    with pytest.raises(Conflict):
        await ask("add_user", name="ann")
    assert user.id in [one.id for one in await ask("users")]
    assert await ask("user", "ann") == user
    assert (await ask("change_user", "ann", role="viewer", disabled=True)).role == "viewer"
    assert (await ask("reset_password", "ann", "something else")).id == user.id
    await ask("delete_user", user.id)
    with pytest.raises(UserNotFound):
        await ask("user", "ann")
    token = await ask("create_token", "ci", scopes=["read"], expires=timedelta(days=1))
    assert token.id in [one.id for one in await ask("tokens")]
    with Client(running.url, token=token.token) as reader:
        assert reader.accounts.me().permissions == ["read"]
        with pytest.raises(Forbidden):
            reader.accounts.users()
        await ask("revoke_token", token.id)
        with pytest.raises(Unauthenticated):
            reader.accounts.me()
    with pytest.raises(TokenNotFound):
        await ask("revoke_token", token.id)
    with pytest.raises(Conflict, match="last administrator"):
        await ask("delete_user", "admin")
    with pytest.raises(Unauthenticated):
        await ask("change_password", "has none", "long enough")


async def test_a_token_may_be_what_gives_it(running: Running) -> None:
    given: list[str] = []

    def token() -> str:
        given.append(running.token or "")
        return given[-1]

    with Client(running.url, token=token) as client:
        client.accounts.me()
        client.accounts.me()
    assert len(given) == 2


def test_both_have_the_same_methods() -> None:
    for name, ours in vars(AsyncAccounts).items():
        if not name.startswith("_"):
            theirs = inspect.signature(getattr(Accounts, name)).parameters
            assert inspect.signature(ours).parameters == theirs


def test_an_expiry_is_seconds_on_the_wire() -> None:
    for span in (timedelta(minutes=1), 60, 60.0):
        body = create_token("x", {"expires": span}).body
        assert body == b'{"name":"x","expires_in_seconds":60}'
