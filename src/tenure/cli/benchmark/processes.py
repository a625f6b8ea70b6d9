"""Real processes under measurement: started with a clean environment, always stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import msgspec

from tenure.cli.benchmark.connection import Connection, Target
from tenure.cli.benchmark.failure import BenchmarkError

READY_WITHIN = 60.0
STOP_WITHIN = 20.0


class Process:
    """A child process. What it writes to stderr is kept, and told when it fails."""

    def __init__(self, name: str, child: asyncio.subprocess.Process, log: IO[bytes]) -> None:
        self.name = name
        self._child = child
        self._log = log

    @property
    def pid(self) -> int:
        return self._child.pid

    def check(self) -> None:
        """Raises BenchmarkError, with the last lines it wrote, when the process has ended."""
        if self._child.returncode is not None:
            raise BenchmarkError(
                f"the {self.name} ended with status {self._child.returncode}{self.last_words()}"
            )

    async def succeeded(self) -> None:
        """Wait for its end. Raises BenchmarkError unless its status is 0."""
        if await self._child.wait() != 0:
            self.check()

    async def say(self, value: Any) -> None:
        """Write one line of JSON to its input."""
        assert self._child.stdin is not None  # noqa: S101
        self._child.stdin.write(msgspec.json.encode(value) + b"\n")
        with contextlib.suppress(ConnectionError):
            await self._child.stdin.drain()

    async def hear(self, within: float) -> Any:
        """The next line of its output, decoded. Raises BenchmarkError when it ends instead or
        says nothing for `within` seconds."""
        assert self._child.stdout is not None  # noqa: S101
        try:
            line = await asyncio.wait_for(self._child.stdout.readline(), within)
        except TimeoutError:
            raise BenchmarkError(
                f"the {self.name} gave no answer within {within:g} s{self.last_words()}"
            ) from None
        if not line:
            await self._child.wait()
            self.check()
        return msgspec.json.decode(line)

    async def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end with `sign`; kill it after STOP_WITHIN seconds. Never raises for a process
        that has already ended."""
        try:
            if self._child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._child.send_signal(sign)
                await asyncio.wait_for(self._child.wait(), STOP_WITHIN)
        except TimeoutError:
            pass
        finally:
            if self._child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._child.kill()
                await self._child.wait()
            self._log.close()

    def last_words(self) -> str:
        """The last lines it wrote to stderr, each on a line of its own, indented; or nothing."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()[-15:]
        return ":\n  " + "\n  ".join(lines) if lines else ""


@contextlib.asynccontextmanager
async def running(
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    piped: bool = False,
    sign: signal.Signals = signal.SIGTERM,
    user: tuple[int, int] | None = None,
) -> AsyncIterator[Process]:
    """`command` as a child in a process group of its own, so that Ctrl-C reaches only the parent.

    `piped` joins its stdin and stdout; `user` is (uid, gid) to run as. It is stopped with `sign`
    at the end, whatever happens. Raises BenchmarkError when it cannot be started.
    """
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by Process.stop
    owner: dict[str, Any] = {}
    if user is not None:
        owner = {"user": user[0], "group": user[1], "extra_groups": []}
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if piped else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if piped else log,
            stderr=log,
            env=environment,
            cwd=directory,
            process_group=0,
            **owner,
        )
    except OSError as error:
        log.close()
        raise BenchmarkError(f"the {name} cannot be started: {error}") from None
    process = Process(name, child, log)
    try:
        yield process
    finally:
        await asyncio.shield(process.stop(sign))


async def output(*command: str) -> str:
    """What `command` writes to stdout, stripped. Raises BenchmarkError when it fails."""
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    text, _ = await child.communicate()
    if child.returncode != 0:
        raise BenchmarkError(f"{command[0]} ended with status {child.returncode}")
    return text.decode().strip()


def clean_environment(**settings: str) -> dict[str, str]:
    """The environment without TENURE_* names, and `settings` added as TENURE_<NAME>."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TENURE_")}
    return kept | {f"TENURE_{name.upper()}": value for name, value in settings.items()}


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def coordinator(
    database_url: str, directory: Path, authenticated: bool = False
) -> AsyncIterator[tuple[Target, int]]:
    """A coordinator on `database_url` that is ready: its address and process id.

    `authenticated`: it asks everybody; the address comes with its first administrator's token.
    """
    port = free_port()
    admin = directory / f"{quote(database_url, safe='')}.token"  # one a store, which may be reused
    environment = clean_environment(
        host="127.0.0.1",
        port=str(port),
        database_url=database_url,
        log_level="warning",
        auth="required" if authenticated else "none",
        admin_token_file=str(admin),
    )
    command = [sys.executable, "-m", "tenure", "coordinator"]
    async with running(
        "coordinator", command, environment=environment, directory=directory
    ) as process:
        target = Target("127.0.0.1", port)
        await _ready(target, process)
        if authenticated:
            target = replace(target, token=admin.read_text("utf-8").strip())
        try:
            yield target, process.pid
        except BenchmarkError as error:
            # Whatever went wrong, the coordinator may know why.
            words = process.last_words()
            if not words:
                raise
            raise BenchmarkError(f"{error.detail}\nthe coordinator said{words}") from None


async def _ready(target: Target, process: Process) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_WITHIN
    while loop.time() < deadline:
        process.check()
        with contextlib.suppress(BenchmarkError):
            async with Connection(target) as connection:
                answer = await connection.send("GET", "/health/ready")
                if answer.status == 200:
                    return
        await asyncio.sleep(0.05)
    raise BenchmarkError(f"the coordinator was not ready within {READY_WITHIN:g} s")


@contextlib.asynccontextmanager
async def worker(target: Target, queue: str, slots: int, directory: Path) -> AsyncIterator[Process]:
    """A real worker process that serves `queue` with the benchmark's handlers."""
    environment = clean_environment(coordinator_url=target.url, log_level="warning")
    if target.token:
        environment["TENURE_TOKEN"] = target.token
    command = [
        sys.executable, "-m", "tenure", "worker", "tenure.cli.benchmark.handlers",
        "--url", target.url, "--queues", queue, "--slots", str(slots), "--no-plugins",
    ]  # fmt: skip
    async with running("worker", command, environment=environment, directory=directory) as child:
        yield child


@contextlib.asynccontextmanager
async def helper(module: str) -> AsyncIterator[Process]:
    """One of the benchmark's own programs, spoken to in lines of JSON."""
    command = [sys.executable, "-m", f"tenure.cli.benchmark.{module}"]
    async with running(module, command, environment=clean_environment(), piped=True) as process:
        yield process
