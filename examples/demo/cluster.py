"""A coordinator and workers as real processes in a directory of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tenure import Client, Unreachable

HANDLERS = Path(__file__).with_name("handlers.py")
START_SECONDS = 30.0
STOP_SECONDS = 10.0


class NotStarted(Exception):  # noqa: N818 - read by people: "not started: ..."
    """A process of the demo did not come up; the message ends with its log."""


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Cluster:
    """`directory` holds the database and the logs. `lease` is short, so that a lost worker is
    noticed while somebody watches."""

    directory: Path
    lease: str = "3s"
    slots: int = 20
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start_coordinator(self) -> None:
        """Start the coordinator and wait until it is ready. Raises NotStarted."""
        database = f"sqlite:///{self.directory / 'tenure.db'}"
        self._start(
            "coordinator",
            *("coordinator", "--port", str(self.port), "--database-url", database),
            *("--lease", self.lease),
        )
        with Client(self.url) as client:
            self._until_ready("coordinator", client)

    def start_worker(self, name: str, client: Client) -> None:
        """Start a worker and wait until the coordinator knows it. Raises NotStarted."""
        self._start(
            name,
            *("worker", str(HANDLERS), "--url", self.url),
            *("--name", name, "--slots", str(self.slots)),
        )
        until = time.monotonic() + START_SECONDS
        while not any(w.name == name and w.state == "online" for w in client.workers()):
            self._check(name, until)
            time.sleep(0.05)

    def kill(self, name: str) -> int:
        """kill -9, without a word of warning; the process id it had."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()
        return process.pid

    def stop(self) -> None:
        """Stop everything: workers first, so that they say goodbye, then the coordinator."""
        for process in reversed(self.processes.values()):
            process.send_signal(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        for process in reversed(self.processes.values()):
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def _start(self, name: str, *arguments: str) -> None:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("TENURE_")}
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "tenure", *arguments],
                cwd=self.directory,
                env=clean,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _until_ready(self, name: str, client: Client) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            self._check(name, until)
            try:
                client.stats()
            except Unreachable:
                time.sleep(0.05)
            else:
                return

    def _check(self, name: str, until: float) -> None:
        process = self.processes[name]
        if process.poll() is None and time.monotonic() < until:
            return
        log = (self.directory / f"{name}.log").read_text("utf-8", "replace")
        raise NotStarted(f"not started: {name}\n{log[-2000:]}")
