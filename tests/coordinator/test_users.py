"""What is changed at one coordinator bites at another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tenure.coordinator import memory
from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN, Role
from tenure.domain.clock import SECOND
from tenure.domain.errors import Unauthenticated
from tenure.settings import Settings
from tenure.wire.access import LoginIn, UserEditIn, UserIn
from tenure.wire.base import validate
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


@pytest.fixture
async def both(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Coordinator, Coordinator]]:
    """Two coordinators of one store, which remember answers for a shorter time than in earnest."""
    monkeypatch.setattr(memory, "REMEMBERED", SECOND // 5)
    name = postgres_server.create()
    settings = Settings(database_url=postgres_server.url(name))
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(2):
            here = Coordinator(settings)
            stack.push_async_callback(here.stop)
            await here.start()
            found.append(here)
        yield found[0], found[1]
    postgres_server.drop(name)


async def until_refused(here: Coordinator, token: str) -> None:
    """Ask as callers do, until the answer that is remembered no longer stands."""
    async with asyncio.timeout(20):
        while True:
            try:
                here.authentication.known(token) or await here.authentication.find(token)
            except Unauthenticated:
                return
            await asyncio.sleep(0.02)


async def test_a_demoted_user_is_so_everywhere(both: tuple[Coordinator, Coordinator]) -> None:
    one, other = both
    await one.users.add(
        LOCAL_ADMIN, validate(UserIn, {"name": "ann", "password": PASSWORD, "role": "admin"})
    )
    await one.users.add(LOCAL_ADMIN, validate(UserIn, {"name": "boss", "role": "admin"}))
    asked = validate(LoginIn, {"name": "ann", "password": PASSWORD})
    login = await one.accounts.login(asked)
    assert (await other.authentication.find(login.token)).role is Role.ADMIN
    await one.users.change(LOCAL_ADMIN, "ann", validate(UserEditIn, {"role": "user"}))
    await until_refused(other, login.token)
    again = await other.accounts.refresh(login.refresh_token)
    assert (await one.authentication.find(again.token)).role is Role.USER
    await other.users.delete(LOCAL_ADMIN, "ann")
    await until_refused(one, again.token)
