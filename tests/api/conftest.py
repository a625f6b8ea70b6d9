"""The real application on both stores, in the loop of the tests; and over sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tenure.api.app import create_app
from tenure.api.server import build
from tenure.coordinator.coordinator import Coordinator
from tenure.settings import Limits, Settings
from tests.api.calls import Api, Callers
from tests.postgres import PostgresServer, free_port


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def store_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite` and `postgres` in turn."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def database_url(
    store_kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    """An empty database that the tests of a module share, on either store in turn."""
    if store_kind == "sqlite":
        directory: Path = tmp_path_factory.mktemp("api")
        yield f"sqlite:///{directory}/tenure.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        yield url


EVERYBODY = Limits(logins=10**6, failed_logins=10**6, refreshes=10**6, registrations=10**6)
"""As often as the tests of a module like, from one address."""


def required(database_url: str, directory: Path) -> Settings:
    """Settings of a coordinator that wants authentication and keeps its files here."""
    return Settings(
        database_url=database_url,
        auth="required",
        admin_token_file=str(directory / "admin.token"),
        limits=EVERYBODY,
    )


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Api]:
    coordinator = Coordinator(settings)
    app = create_app(coordinator)
    called: Any = app  # httpx and Litestar type ASGI differently
    async with (
        app.lifespan(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=called), base_url="http://127.0.0.1"
        ) as client,
    ):
        yield Api(client, coordinator, app)


@pytest.fixture(scope="module")
async def api(database_url: str, anyio_backend: object) -> AsyncIterator[Api]:
    """One application for the tests of a module: each uses queues and types of its own."""
    async with serving(Settings(database_url=database_url)) as found:
        yield found


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Api]:
    """An application on an empty SQLite store of this test's own."""
    async with serving(Settings(database_url=f"sqlite:///{tmp_path}/tenure.db")) as found:
        yield found


@pytest.fixture(scope="module")
async def callers(
    database_url: str, anyio_backend: object, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Callers]:
    """One application that wants authentication, and a caller of each role. Ask for either this or
    `api` in a module: one coordinator has the store."""
    settings = required(database_url, tmp_path_factory.mktemp("callers"))
    async with serving(settings) as found, AsyncExitStack() as stack:
        yield await Callers.of(found, stack)


@pytest.fixture
async def fresh_callers(tmp_path: Path) -> AsyncIterator[Callers]:
    """As `callers`, on an empty SQLite store of this test's own."""
    settings = required(f"sqlite:///{tmp_path}/tenure.db", tmp_path)
    async with serving(settings) as found, AsyncExitStack() as stack:
        yield await Callers.of(found, stack)


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Api]:
    """With authentication, bound beyond this machine: nobody signs up by himself."""
    url = f"sqlite:///{tmp_path}/tenure.db"
    settings = required(url, tmp_path).model_copy(update={"host": "0.0.0.0"})
    async with serving(settings) as found:
        yield found


@pytest.fixture(scope="module")
async def sockets(database_url: str, anyio_backend: object) -> AsyncIterator[Api]:
    """The same behind uvicorn in this loop, for what needs a connection that can be cut."""
    port = free_port()
    server = build(Settings(database_url=database_url, port=port))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not running.done():
        await asyncio.sleep(0.005)
    app: Any = server.config.app
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield Api(client, app.state.coordinator, app)
    server.should_exit = True
    await running
