"""The example worker in another language, against a real coordinator."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tenure.client.blocking import Client
from tenure.wire.jobs import Job
from tests.docs.markdown import ROOT
from tests.worker.running import Running

EXAMPLE = ROOT / "examples" / "worker.mjs"
LEASE = timedelta(seconds=3)
HANDLERS = """
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
export async function gate(file, { signal }) {
  while (!existsSync(file)) await sleep(50, null, { signal });
  return { opened: file };
}
export async function fail(text) { throw new TypeError(text); }
"""


class Other:
    """The example as a process, and a client that looks at what it does."""

    def __init__(self, client: Client, process: subprocess.Popen[bytes]) -> None:
        self.client = client
        self.process = process

    def until(self, look: Callable[[], Any]) -> Any:
        until = time.monotonic() + 40
        while not (found := look()):
            assert self.process.poll() is None, self.process.returncode
            assert time.monotonic() < until
            time.sleep(0.02)
        return found

    def worker(self) -> Any:
        name = f"node-{self.process.pid}"
        (found,) = [one for one in self.client.workers() if one.name == name]
        return found

    def running(self, job_id: str) -> Job:
        """The job once it runs."""
        job: Job = self.until(
            lambda: job if (job := self.client.get(job_id)).status == "running" else None
        )
        return job


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    running = Running(tmp_path_factory.mktemp("coordinator"))
    running.use_lease(LEASE.total_seconds())
    with Client(running.url) as client:
        yield client
    running.stop()


def started(client: Client, *words: str) -> subprocess.Popen[bytes]:
    node = shutil.which("node")
    assert node, "the example needs Node: deploy/bootstrap.sh node"
    return subprocess.Popen(
        [node, str(EXAMPLE), *words], env=os.environ | {"TENURE_COORDINATOR_URL": client.url}
    )


@pytest.fixture
def other(client: Client, tmp_path: Path) -> Iterator[Other]:
    (tmp_path / "handlers.mjs").write_text(HANDLERS, "utf-8")
    process = started(client, str(tmp_path / "handlers.mjs"))
    yield Other(client, process)
    process.kill()
    process.wait()


def test_it_is_short() -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 60


def test_it_runs_what_it_says_it_runs_and_logs(client: Client) -> None:
    process = started(client)
    job = client.wait(client.submit("shout", "héllo").id, 40)
    assert (job.status, job.result, job.attempt) == ("completed", "HÉLLO", 1)
    assert [line.text for line in client.logs(job.id)] == ["shouting"]
    process.terminate()
    assert process.wait(20) == 0


def test_failures_and_timeouts_are_told(other: Other, tmp_path: Path) -> None:
    failed = other.client.submit("fail", "no", max_retries=0)
    late = other.client.submit("gate", str(tmp_path / "never"), timeout=0.2, max_retries=0)
    job = other.client.wait(failed.id, 40)
    assert job.error is not None
    assert (job.status, job.error.type, job.error.message) == ("failed", "TypeError", "no")
    job = other.client.wait(late.id, 40)
    assert (job.status, job.reason) == ("failed", "timeout")


def test_its_heartbeats_keep_its_leases_and_bring_cancels(other: Other, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    kept = other.client.submit("gate", str(gate))
    stopped = other.client.submit("gate", str(tmp_path / "never"))
    began = other.running(kept.id).started_at
    assert began is not None
    other.running(stopped.id)
    other.client.cancel(stopped.id)
    assert other.client.wait(stopped.id, 40).status == "cancelled"
    other.until(lambda: other.worker().last_seen_at - began > LEASE * 1.2)
    gate.touch()
    job = other.client.wait(kept.id, 40)
    assert (job.status, job.result) == ("completed", {"opened": str(gate)})
    assert [run.outcome for run in other.client.runs(kept.id)] == ["completed"]


@pytest.mark.parametrize("way", ["drain", "signal"])
def test_it_finishes_what_it_has_and_leaves(other: Other, tmp_path: Path, way: str) -> None:
    gate = tmp_path / "gate"
    job_id = other.client.submit("gate", str(gate)).id
    other.running(job_id)
    if way == "drain":
        other.client.drain(other.worker().id)
    else:
        other.process.send_signal(signal.SIGTERM)
    other.until(lambda: other.worker().state == "draining")
    later = other.client.submit("gate", str(gate))
    gate.touch()
    assert other.client.wait(job_id, 40).status == "completed"
    assert other.process.wait(40) == 0
    assert other.client.get(later.id).status == "pending"
    assert other.client.cancel(later.id).status == "cancelled"
