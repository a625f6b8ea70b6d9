"""A real coordinator and, where a test asks for it, a worker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import anyio.from_thread
import pytest

from tenure import Context, Fail, handler
from tests.cli.typed import Typed
from tests.worker.running import Running

REACHED = "127.0.0.2"
"""The only address that is not public and may be posted to."""


@handler("greet")
async def greet(payload: dict[str, str], ctx: Context) -> str:
    ctx.log.info("greeting")
    ctx.log.warning("with \x1b[31mcolour\nand a break")
    return f"hello {payload['name']}"


@handler("refuse")
async def refuse(payload: str) -> None:
    raise Fail(payload)


@handler("linger")
async def linger(ctx: Context) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(30)
    ctx.raise_if_cancelled()


@handler("progress")
async def progress(payload: dict[str, str], ctx: Context) -> str:
    """Runs until the file `gate` is there."""
    ctx.log.info("halfway")
    ctx.progress(0.4, "resizing\n")
    while not Path(payload["gate"]).exists():
        await asyncio.sleep(0.05)
    return "resized"


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("coordinator"))
    running.settings = running.settings.model_copy(update={"http_allow": (REACHED,)})
    with running:
        yield running


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A coordinator that asks everybody."""
    directory = tmp_path_factory.mktemp("guarded")
    running = Running(directory)
    running.ask_everybody(directory)
    with running:
        yield running


@pytest.fixture
def asked(guarded: Running) -> Typed:
    """The first administrator at that one."""
    path = guarded.settings.admin_token_file
    assert path is not None
    return Typed(guarded.url, TENURE_TOKEN_FILE=path)


@pytest.fixture
def tenure(running: Running) -> Typed:
    return Typed(running.url)


@pytest.fixture
def worker(running: Running) -> Iterator[str]:
    """The name of a worker for `greet`, `refuse`, `linger` and `progress`, in its own loop.

    No other test's worker has it: one that was cut off is listed until it is reaped.
    """
    name = f"cli-{uuid4().hex[:8]}"
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(
            running.worker(greet, refuse, linger, progress, name=name)
        ),
    ):
        yield name
