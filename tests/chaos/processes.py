"""Coordinators and workers as processes of their own, that a test may kill, stop and start."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tenure.client.asynchronous import AsyncClient
from tenure.client.retrying import Patience
from tests.postgres import free_port

HANDLERS = Path(__file__).with_name("handlers.py")
START_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1

Started = TypeVar("Started", bound="Process")


def _die_with_parent() -> None:
    """Also when the tests themselves are killed, nothing of theirs stays."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One `tenure` command. It may be started again after its end; its log goes on."""

    def __init__(
        self, name: str, words: list[str], directory: Path, environment: dict[str, str]
    ) -> None:
        self.name = name
        self._words = words
        self._directory = directory
        self._log = directory / f"{name}.log"
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        ours = {key: value for key, value in os.environ.items() if not key.startswith("TENURE_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tenure", *self._words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env=ours | self._environment | {"NO_COLOR": "1"},
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """Everything it said so far."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9; harmless when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    async def ended(self, timeout: float = 15.0) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, timeout)


class CoordinatorProcess(Process):
    """`tenure coordinator`: the same address and store in all its lives."""

    def __init__(
        self, name: str, directory: Path, database_url: str, environment: dict[str, str]
    ) -> None:
        self.port = free_port()
        words = ["coordinator", "--port", str(self.port), "--database-url", database_url]
        super().__init__(name, words, directory, environment)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ready(self) -> None:
        """Wait until it serves."""
        until = time.monotonic() + START_SECONDS
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            while time.monotonic() < until and self.running:
                try:
                    if (await client.get("/health")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)
        raise AssertionError(f"{self.name} does not serve:\n{self.log[-2000:]}")

    async def restart(self) -> None:
        self.start()
        await self.ready()

    def client(self, patience: float = 20.0) -> AsyncClient:
        """`patience`: seconds for which it sends again what may be sent again."""
        return AsyncClient(self.url, patience=Patience(retry_for=patience, max_delay=0.5))


class Processes:
    """Everything one test started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = directory / "journal"
        self._made: list[Process] = []

    def coordinator(
        self, database_url: str, *, lease: str = "2s", name: str = "coordinator", **more: str
    ) -> CoordinatorProcess:
        """Started; wait for it with `ready`."""
        environment = {"TENURE_LEASE": lease, "TENURE_SWEEP_EVERY": "200ms"} | more
        made = CoordinatorProcess(name, self.directory, database_url, environment)
        return self._begin(made)

    def worker(
        self, url: str, name: str = "worker", *, slots: int = 10, drain_grace: str = "10s"
    ) -> Process:
        """Started, with the handlers of `handlers.py`."""
        words = ["worker", str(HANDLERS), "--url", url, "--name", name, "--no-plugins"]
        words += ["--slots", str(slots), "--drain-grace", drain_grace]
        environment = {"CHAOS_JOURNAL": str(self.journal), "TENURE_LOG_LEVEL": "debug"}
        return self._begin(Process(name, words, self.directory, environment))

    def _begin(self, made: Started) -> Started:
        self._made.append(made)
        made.start()
        return made

    def close(self) -> None:
        """Kill what still runs. No process may have met an error that it did not expect."""
        for made in self._made:
            made.kill()
        for made in self._made:
            print(f"--- {made.name}\n{made.log[-3000:]}")
        wrong = [made.name for made in self._made if "Traceback" in made.log]
        assert wrong == []


async def until(
    condition: Callable[[], Awaitable[Any]], timeout: float = 20.0, every: float = 0.05
) -> Any:
    """The first true answer of `condition`, asked every `every` seconds; fails after `timeout`."""
    last: Any = None
    try:
        async with asyncio.timeout(timeout):
            while not (last := await condition()):
                await asyncio.sleep(every)
    except TimeoutError:
        raise AssertionError(f"not within {timeout} s, the last answer was {last!r}") from None
    return last


async def registered(client: AsyncClient, *names: str) -> dict[str, str]:
    """The ids of the workers by name, once all are online."""

    async def look() -> dict[str, str] | None:
        online = {worker.name: worker.id for worker in await client.workers()}
        return online if set(names) <= set(online) else None

    found: dict[str, str] = await until(look)
    return found


async def waited(client: AsyncClient, ids: list[str], timeout: float = 30.0) -> dict[str, Any]:
    """The jobs by id, once all have ended."""
    left = asyncio.Semaphore(32)

    async def one(job_id: str) -> Any:
        async with left:
            return await client.wait(job_id, timeout)

    return {job.id: job for job in await asyncio.gather(*(one(job_id) for job_id in ids))}
