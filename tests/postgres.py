"""A real PostgreSQL for tests, started from the installed binaries."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

_INSTALLED = Path("/usr/lib/postgresql")
_PR_SET_PDEATHSIG = 1
_START_SECONDS = 20.0

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "fatal",
    "jit": "off",
    "autovacuum_naptime": "5s",
}


def binaries() -> Path | None:
    """The directory that holds `initdb` and `postgres`, the newest version first."""
    found = [p for p in _INSTALLED.glob("*/bin/initdb") if (p.parent / "postgres").exists()]
    if found:
        return max(found, key=lambda p: int(p.parts[-3]) if p.parts[-3].isdigit() else 0).parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def missing() -> str | None:
    """Why no PostgreSQL can be started here, or None when one can."""
    if binaries() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if os.geteuid() == 0 and not _has_user():
        return "PostgreSQL does not run as root and there is no user named postgres"
    return None


def _has_user() -> bool:
    return any(entry.pw_name == "postgres" for entry in pwd.getpwall())


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class PostgresServer:
    """One cluster in a directory of its own. Not safe for use from several threads."""

    def __init__(self, directory: Path) -> None:
        found = binaries()
        if found is None:
            raise RuntimeError(missing())
        self._bin = found
        self._directory = directory
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            self._as = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(directory, entry.pw_uid, entry.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._names = count(1)
        self.port = free_port()
        self._run(
            "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "--no-sync",
            "-E", "UTF8", "--locale", "C",
        )  # fmt: skip

    def start(self) -> None:
        """Start and wait until it answers. Raises RuntimeError with the server's log."""
        settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        with (self._directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", "data", "-p", str(self.port), "-k", ".", *settings],
                cwd=self._directory, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True, preexec_fn=_die_with_parent, **self._as,
            )  # fmt: skip
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.02)
        text = (self._directory / "server.log").read_text("utf-8", "replace")
        raise RuntimeError(f"PostgreSQL did not start:\n{text[-2000:]}")

    def _answers(self) -> bool:
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: SIGINT cuts every connection cleanly, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def url(self, database: str) -> str:
        """The URL of `database`, which need not exist."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def new_name(self) -> str:
        """A name that no database of this server has."""
        return f"tenure_{next(self._names)}"

    def create(self, template: str = "template1") -> str:
        """A new database, a copy of `template` (which must have no connection); its name."""
        name = self.new_name()
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY WAL_LOG')
        return name

    def drop(self, name: str) -> None:
        """Drop a database if it is there, cutting its connections."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, dropped at the end."""
        name = self.create(template)
        yield self.url(name)
        self.drop(name)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement by psql; rows as text, columns split by `|`."""
        return self._run(
            "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-X", "-q", "-A",
            "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement,
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> str:
        quiet = {"LC_ALL": "C", "PGOPTIONS": "--client-min-messages=warning"}
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self._directory, capture_output=True, text=True, check=False,
            env={"PATH": os.environ.get("PATH", os.defpath)} | quiet, **self._as,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")
        return done.stdout.strip()


@contextmanager
def running() -> Iterator[PostgresServer]:
    """A started server in a temporary directory, on the RAM disk where there is one."""
    ram = Path("/dev/shm")
    base = ram if ram.is_dir() and os.access(ram, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tenure-pg-", dir=base) as directory:
        server = PostgresServer(Path(directory))
        server.start()
        try:
            yield server
        finally:
            server.stop()
