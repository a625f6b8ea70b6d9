"""A coordinator that runs beside the test, and can be stopped and started again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from tenure.api.server import Server, build
from tenure.client.access import login
from tenure.client.asynchronous import AsyncClient
from tenure.client.blocking import Client
from tenure.client.retrying import Patience
from tenure.coordinator.coordinator import Coordinator
from tenure.settings import Settings
from tenure.telemetry.tracing import Tracing
from tenure.worker.options import WorkerOptions
from tenure.worker.registry import Registry
from tenure.worker.runtime import WorkerRuntime


class Running:
    """The same address and store through all its lives. `settings` may be changed between them.

    `with` is one life: started, and stopped at the end.
    """

    def __init__(self, place: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port: int = taken.getsockname()[1]
        self.settings = Settings(
            database_url=f"sqlite:///{place}/worker.db",
            port=self.port,
            sweep_every=timedelta(seconds=0.1),
        )
        self.tracing: Tracing | None = None
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def coordinator(self) -> Coordinator:
        """The coordinator of this life; it belongs to the loop of its own thread."""
        assert self._server is not None, "the coordinator does not run"
        app: Any = self._server.config.app
        found: Coordinator = app.state.coordinator
        return found

    def ask_everybody(self, place: Path) -> None:
        """Want tokens from the next start on; that of the administrator and that of workers are
        then `token` and `worker_token`."""
        files = {name: str(place / name) for name in ("admin_token_file", "worker_token_file")}
        self.settings = self.settings.model_copy(update={"auth": "required", **files})

    @property
    def token(self) -> str | None:
        return _kept(self.settings.admin_token_file)

    @property
    def worker_token(self) -> str | None:
        return _kept(self.settings.worker_token_file)

    def add_user(self, name: str, role: str) -> str:
        """The token of a new user."""
        password = f"the password of {name}"
        with Client(self.url, token=self.token) as client:
            client.accounts.add_user(name=name, role=role, password=password)
            return client.run(login(name, password)).token

    def use_lease(self, seconds: float) -> None:
        """Restart with another lease time."""
        self.stop()
        self.settings = self.settings.model_copy(update={"lease": timedelta(seconds=seconds)})
        self.start()

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(20), "the coordinator did not start"

    def stop(self) -> None:
        """An orderly stop; harmless when it does not run."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(20)
            assert not self._thread.is_alive(), "the coordinator did not stop"
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        server = build(self.settings, self.tracing)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        self._server = server
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        ready.set()
        await serving

    @asynccontextmanager
    async def client(self) -> AsyncIterator[AsyncClient]:
        patience = Patience(retry_for=10)
        async with AsyncClient(self.url, token=self.token, patience=patience) as client:
            yield client

    @asynccontextmanager
    async def worker(self, *functions: Any, **options: Any) -> AsyncIterator[WorkerRuntime]:
        """A worker with these handlers, registered; drained at the end."""
        registry = Registry()
        for function in functions:
            registry.add(function)
        values = {"drain_grace_seconds": 2.0, "token": self.worker_token} | options
        wanted = WorkerOptions(url=self.url, **values)
        async with WorkerRuntime(wanted, registry, tracing=self.tracing) as runtime:
            yield runtime


def _kept(file: str | None) -> str | None:
    return None if file is None else Path(file).read_text("utf-8").strip()
