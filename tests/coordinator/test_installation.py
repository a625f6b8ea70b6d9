"""What an installation makes for itself at its first start, and at no other."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from loguru import logger

from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN, Kind, Role
from tenure.domain.errors import ConfigurationError, Unauthenticated
from tenure.settings import Settings
from tenure.wire.access import SignUpIn
from tenure.wire.base import validate

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Coordinator]:
    here = Coordinator(settings)
    try:
        await here.start()
        yield here
    finally:
        await here.stop()


def wanted(database_url: str, directory: Path, **more: str) -> Settings:
    return Settings.model_validate(
        {
            "database_url": database_url,
            "auth": "required",
            "admin_token_file": str(directory / "admin.token"),
            **more,
        }
    )


async def test_the_first_start_leaves_a_token_in_a_file(database_url: str, tmp_path: Path) -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), format="{message} {extra}")
    path = tmp_path / "admin.token"
    try:
        async with started(wanted(database_url, tmp_path)) as here:
            token = path.read_text().strip()
            found = await here.authentication.find(token)
            assert (found.role, found.name, found.kind) == (Role.ADMIN, "admin", Kind.API_TOKEN)
    finally:
        logger.remove(sink)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said = "".join(lines)
    assert str(path) in said
    assert token not in said
    assert [item.name for item in tmp_path.iterdir() if "token" in item.name] == ["admin.token"]


async def test_no_other_start_does(database_url: str, tmp_path: Path) -> None:
    settings = wanted(database_url, tmp_path)
    async with started(settings):
        token = (tmp_path / "admin.token").read_text()
    (tmp_path / "admin.token").unlink()
    async with started(settings) as here:
        assert not (tmp_path / "admin.token").exists()
        assert (await here.authentication.find(token.strip())).role is Role.ADMIN
        assert len((await here.users.list(None, None)).items) == 1


async def test_without_authentication_nothing_is_made(database_url: str, tmp_path: Path) -> None:
    settings = wanted(database_url, tmp_path).model_copy(update={"auth": "none"})
    async with started(settings) as here:
        assert (await here.users.list(None, None)).items == []
    assert not (tmp_path / "admin.token").exists()


async def test_a_person_named_admin_is_none(database_url: str, tmp_path: Path) -> None:
    settings = wanted(database_url, tmp_path)
    async with started(settings.model_copy(update={"auth": "none"})) as here:
        asked = validate(SignUpIn, {"name": "admin", "password": "long enough"})
        assert (await here.accounts.register(asked)).role == "user"
    async with started(settings) as here:
        found = await here.authentication.find((tmp_path / "admin.token").read_text().strip())
        assert found.role is Role.ADMIN
        assert found.name.startswith("admin-")


async def test_two_that_start_at_once_make_one(private: str, tmp_path: Path) -> None:
    settings = wanted(private, tmp_path)
    async with started(settings.model_copy(update={"auth": "none"})):
        pass  # makes the tables
    async with AsyncExitStack() as stack:
        both = await asyncio.gather(
            *(stack.enter_async_context(started(settings)) for _ in range(2))
        )
        token = (tmp_path / "admin.token").read_text().strip()
        for here in both:
            assert (await here.authentication.find(token)).role is Role.ADMIN
        assert len((await both[0].users.list(None, None)).items) == 1
        session = both[0].signer.access_token(both[0].id, 1, both[0].id)
        assert both[1].signer.read_access(session).user_id == both[0].id


@pytest.fixture
def private(request: pytest.FixtureRequest) -> str:
    """A new database on PostgreSQL, where several coordinators may be."""
    server = request.getfixturevalue("postgres_server")
    name = server.create()
    request.addfinalizer(lambda: server.drop(name))
    found: str = server.url(name)
    return found


async def test_a_file_that_cannot_be_written_stops_the_start(
    database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="cannot write"):
        async with started(wanted(database_url, tmp_path / "nowhere")):
            pass


async def test_a_token_for_workers_is_kept_in_a_file(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "worker.token"
    settings = wanted(database_url, tmp_path, worker_token_file=str(path))
    async with started(settings) as here:
        first = path.read_text().strip()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        found = await here.authentication.find(first)
        assert (found.role, found.kind, found.queues) == (Role.WORKER, Kind.WORKER_TOKEN, None)
    async with started(settings) as here:
        assert path.read_text().strip() == first
        assert found.id is not None
        await here.tokens.revoke(LOCAL_ADMIN, found.id)
    async with started(settings) as here:
        second = path.read_text().strip()
        assert second != first
        assert (await here.authentication.find(second)).kind is Kind.WORKER_TOKEN
        with pytest.raises(Unauthenticated):
            await here.authentication.find(first)
        lines = (await here.auditing.list({"action": "token.create"})).items
        assert [line.after for line in lines] == [
            msgspec.Raw(b'{"kind":"worker_token","name":"file worker.token"}')
        ] * 2
        assert second not in str(lines)


async def test_the_secret_outlives_a_start_and_may_be_given(
    database_url: str, tmp_path: Path
) -> None:
    settings = wanted(database_url, tmp_path)
    async with started(settings) as here:
        session = here.signer.access_token(here.id, 1, here.id)
    async with started(settings) as here:
        assert here.signer.read_access(session).version == 1
    given = settings.model_copy(update={"secret_key": "q8w7e6r5t4z3u2i1o0p9a8s7d6f5g4h3"})
    async with started(given) as here:
        with pytest.raises(Unauthenticated):
            here.signer.read_access(session)
