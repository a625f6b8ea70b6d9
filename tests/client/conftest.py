"""A real coordinator for the clients' tests, and both clients to speak to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from anyio import to_thread

from tenure.client.asynchronous import AsyncClient
from tenure.client.blocking import Client
from tenure.client.retrying import Patience
from tests.worker.running import Running

PATIENCE = Patience(retry_for=10.0)
Speak = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One coordinator on SQLite for all tests of a module."""
    with Running(tmp_path_factory.mktemp("coordinator")) as running:
        yield running


@pytest.fixture(params=["blocking", "async"])
async def speak(request: pytest.FixtureRequest, running: Running) -> AsyncIterator[Speak]:
    """`await speak(method, ...)` on either client in turn; iterators come back as lists."""
    async with speaking(request.param, running.url) as speak:
        yield speak


@asynccontextmanager
async def speaking(kind: str, url: str, **options: Any) -> AsyncIterator[Speak]:
    """See `speak`; `options` are those of the client."""
    options = {"patience": PATIENCE} | options
    if kind == "blocking":
        with Client(url, **options) as client:
            yield partial(_blocking, client)
    else:
        async with AsyncClient(url, **options) as client_:
            yield partial(_async, client_)


async def _blocking(client: Client, method: str, *arguments: Any, **options: Any) -> Any:
    def call() -> Any:
        answer = getattr(client, method)(*arguments, **options)
        return list(answer) if isinstance(answer, Iterator) else answer

    return await to_thread.run_sync(call)


async def _async(client: AsyncClient, method: str, *arguments: Any, **options: Any) -> Any:
    answer = getattr(client, method)(*arguments, **options)
    if isinstance(answer, AsyncIterator):
        return [item async for item in answer]
    return await answer
