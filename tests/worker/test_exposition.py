"""A worker's own metrics."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tenure.domain.errors import ConfigurationError
from tenure.worker.exposition import exposed
from tenure.worker.meters import WorkerMeters
from tenure.worker.options import WorkerOptions
from tenure.worker.registry import Registry, handler
from tenure.worker.runtime import WorkerRuntime
from tests.worker.running import Running

pytestmark = pytest.mark.anyio

LOCAL = "127.0.0.1"


@handler("work")
async def work(payload: str) -> str:
    if payload == "fail":
        raise ValueError(payload)
    return payload


@handler("thread")
def in_thread(payload: str) -> str:
    return payload


async def _read(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://{LOCAL}:{port}/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_a_worker_shows_what_it_does(coordinator: Running) -> None:
    registry, meters = Registry(), WorkerMeters()
    registry.add(work)
    registry.add(in_thread)
    options = WorkerOptions(url=coordinator.url, slots=3, drain_grace_seconds=2)
    with exposed(meters, LOCAL, 0) as port:
        assert await _read(port)
        async with coordinator.client() as client, WorkerRuntime(options, registry, meters=meters):
            jobs = [await client.submit("work", "x"), await client.submit("thread", "x")]
            jobs.append(await client.submit("work", "fail", max_attempts=1))
            await asyncio.gather(*(client.wait(job.id, timeout=20) for job in jobs))
            found = await _read(port)

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    runs = "tenure_worker_run_seconds_count"
    assert value(runs, type="work", outcome="completed") == 1
    assert value(runs, type="work", outcome="failed") == 1
    assert value(runs, type="thread", outcome="completed") == 1
    assert value("tenure_worker_polls_total", result="leases") >= 1
    slots = [value("tenure_worker_own_slots", state=state) for state in ("busy", "free")]
    assert sum(slots) == 3
    assert value("tenure_worker_registrations_total") == 1
    assert value("tenure_worker_call_failures_total") == 0


async def test_promtool_finds_nothing_to_say(coordinator: Running) -> None:
    program = shutil.which("promtool")
    assert program is not None, "run deploy/bootstrap.sh promtool"
    registry, meters = Registry(), WorkerMeters()
    registry.add(work)
    meters.ran("work", "completed", 0.1)
    options = WorkerOptions(url=coordinator.url)
    with exposed(meters, LOCAL, 0) as port:
        async with WorkerRuntime(options, registry, meters=meters), httpx.AsyncClient() as client:
            text = (await client.get(f"http://{LOCAL}:{port}/metrics")).content
    done = subprocess.run([program, "check", "metrics"], input=text, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


async def test_a_port_that_is_taken_is_a_wrong_setting() -> None:
    meters = WorkerMeters()
    with (
        exposed(meters, LOCAL, 0) as port,
        pytest.raises(ConfigurationError, match="metrics_port"),
        exposed(meters, LOCAL, port),
    ):
        pass
