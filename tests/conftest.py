"""Fixtures for every test: the event loop, and one fresh database per test on both stores."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests import postgres
from tests.notify.receiver import Receiver
from tests.postgres import PostgresServer

_NEEDS_POSTGRES = {"postgres_server", "private_postgres"}

settings.register_profile("tenure", deadline=None, print_blob=True)
settings.load_profile("tenure")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """asyncio; `TENURE_TEST_LOOP=uvloop` runs the same tests on uvloop."""
    return "asyncio", {"use_uvloop": os.environ.get("TENURE_TEST_LOOP") == "uvloop"}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL that all tests of a run share."""
    with postgres.running() as server:
        yield server


@pytest.fixture
def private_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test's own, which it may stop, crash and start."""
    with postgres.running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def store_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite` and `postgres` in turn."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database, on SQLite and on PostgreSQL in turn."""
    if store_kind == "sqlite":
        yield f"sqlite:///{tmp_path}/tenure.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        yield url


@pytest.fixture(scope="session")
def built_dashboard() -> None:
    """The dashboard's files come from the present sources."""
    program = Path(__file__).resolve().parents[1] / "hatch_build.py"
    subprocess.run([sys.executable, program], check=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without PostgreSQL its tests are left out, loudly; with CI=true that is an error."""
    reason = postgres.missing()
    if reason is None:
        return
    left_out = [item for item in items if _needs_postgres(item)]
    if not left_out:
        return
    if os.environ.get("CI", "").lower() in ("1", "true"):
        raise pytest.UsageError(f"{reason}: {len(left_out)} tests cannot run")
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not _needs_postgres(item)]
    config.stash[_LEFT_OUT] = f"{len(left_out)} TESTS ON POSTGRESQL WERE LEFT OUT: {reason}"


_LEFT_OUT = pytest.StashKey[str]()


def _needs_postgres(item: pytest.Item) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    names = set(getattr(item, "fixturenames", ()))
    return parameters.get("store_kind") == "postgres" or bool(names & _NEEDS_POSTGRES)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which tests were left out where nobody can overlook it."""
    text = config.stash.get(_LEFT_OUT, None)
    if text is not None:
        terminalreporter.section("PostgreSQL", red=True, bold=True)
        terminalreporter.line(text, red=True, bold=True)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of webhooks that answers 200."""
    made = Receiver()
    await made.start()
    yield made
    await made.stop()
