"""A temporary PostgreSQL from the installed programs: a fresh cluster with fsync on and every
setting at its default, on a free port of loopback, removed at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tenure.cli.benchmark.failure import BenchmarkError
from tenure.cli.benchmark.processes import free_port, output, running

_USER = "tenure"
_READY_WITHIN = 30.0
_HINT = "install PostgreSQL, or give --database-url postgresql://..."


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server. The coordinator creates the databases it is pointed at."""

    programs: Path
    port: int
    password: str = field(repr=False)
    version: str

    def url(self, name: str) -> str:
        """The database URL of `name`; holds the password."""
        return f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{name}"


def find_programs() -> Path:
    """The directory with initdb and postgres: on PATH, else the newest of Debian's. Raises
    BenchmarkError when there is none."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True)
    for directory in found:
        if (directory / "initdb").exists() and (directory / "postgres").exists():
            return directory
    raise BenchmarkError(f"no PostgreSQL programs found: {_HINT}")


def _major(path: Path) -> float:
    try:
        return float(path.parent.name)
    except ValueError:
        return 0.0


def _owner() -> tuple[int, int] | None:
    """PostgreSQL refuses to run as root: then (uid, gid) of the user `postgres`."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise BenchmarkError(
            f"PostgreSQL does not run as root and there is no user postgres: {_HINT}"
        ) from None
    return entry.pw_uid, entry.pw_gid


@contextlib.asynccontextmanager
async def temporary() -> AsyncIterator[PostgresServer]:
    """A server for the time of the block. Raises BenchmarkError when it cannot be started."""
    programs, owner = find_programs(), _owner()
    directory = Path(tempfile.mkdtemp(prefix="tenure-bench-postgres-"))
    try:
        if owner is not None:
            os.chown(directory, *owner)
        password = secrets.token_hex(16)
        await _initdb(programs, directory, password, owner)
        port = free_port()
        command = [
            str(programs / "postgres"), "-D", str(directory / "data"), "-p", str(port),
            "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={directory}",
        ]  # fmt: skip
        async with running(
            "PostgreSQL", command, directory=directory, sign=signal.SIGINT, user=owner
        ) as server:
            await _ready(programs, port, server.check)
            version = await output(str(programs / "postgres"), "--version")
            yield PostgresServer(programs, port, password, version.split(" ")[2])
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _initdb(
    programs: Path, directory: Path, password: str, owner: tuple[int, int] | None
) -> None:
    secret = directory / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if owner is not None:
        os.chown(secret, *owner)
    command = [
        str(programs / "initdb"), "-D", str(directory / "data"), "-U", _USER, "-E", "UTF8",
        "--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}",
    ]  # fmt: skip
    async with running("initdb", command, directory=directory, user=owner) as process:
        await process.succeeded()
    secret.unlink()


async def _ready(programs: Path, port: int, check: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _READY_WITHIN
    while loop.time() < deadline:
        check()
        probe = await asyncio.create_subprocess_exec(
            str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)
        )
        if await probe.wait() == 0:
            return
        await asyncio.sleep(0.05)
    raise BenchmarkError(f"PostgreSQL was not ready within {_READY_WITHIN:g} s")
