"""What a reader of the README has: a shell with `tenure` in it, and programs that keep running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.docs.markdown import ROOT
from tests.postgres import free_port

DOCUMENTED_PORT = "127.0.0.1:5000"
START_SECONDS = 30.0


@dataclass
class Terminal:
    """Runs blocks of the documents in `directory`, on a free port in place of the documented."""

    directory: Path
    port: int = field(default_factory=free_port)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith("TENURE_")
        }
        return clean | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TENURE_PORT": str(self.port),
            "TENURE_COORDINATOR_URL": f"http://127.0.0.1:{self.port}",
            "COLUMNS": "200",
        }

    def shell(self, text: str, timeout: float = 60.0) -> str:
        """Run a block by bash and give its stdout; every line of it must succeed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._here(text)],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def python(self, text: str) -> str:
        """Run a block as a program and give its stdout."""
        program = self.directory / "block.py"
        program.write_text(self._here(text), "utf-8")
        return self.shell("python block.py")

    def start(self, text: str) -> None:
        """Start a block that keeps running; its log goes to a file."""
        with (self.directory / f"{len(self.running)}.log").open("wb") as log:
            self.running.append(
                subprocess.Popen(
                    ["bash", "-c", "exec " + self._here(text).strip()],
                    cwd=self.directory,
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                )
            )

    def until_ready(self) -> None:
        """Wait for the coordinator."""
        self._until(lambda client: client.get("/health/ready").status_code == httpx.codes.OK)

    def until_offered(self, kind: str) -> None:
        """Wait until a worker offers a type."""
        self._until(
            lambda client: any(
                kind in worker["types"]
                for worker in client.get("/api/workers").json()["items"]
                if worker["state"] == "online"
            )
        )

    def _until(self, holds: Callable[[httpx.Client], bool]) -> None:
        until = time.monotonic() + START_SECONDS
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}") as client:
            while time.monotonic() < until:
                try:
                    if holds(client):
                        return
                except httpx.TransportError:
                    pass
                time.sleep(0.05)
        logs = [path.read_text("utf-8", "replace") for path in self.directory.glob("*.log")]
        raise AssertionError("not ready:\n" + "\n".join(logs)[-4000:])

    def close(self) -> None:
        """End what runs, workers before the coordinator."""
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _here(self, text: str) -> str:
        return text.replace(DOCUMENTED_PORT, f"127.0.0.1:{self.port}")


def file_of(text: str) -> tuple[str, str]:
    """A block that begins with `# name.py`: the name and the whole text."""
    first = text.splitlines()[0]
    assert first.startswith("# ")
    assert first.endswith(".py")
    return first.removeprefix("# "), text


def readme() -> Path:
    """The page this is about."""
    return ROOT / "README.md"
