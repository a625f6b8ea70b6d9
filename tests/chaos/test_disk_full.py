"""A disk that takes no more: refusals with nothing half-done, then work goes on by itself."""

from __future__ import annotations

import asyncio
import resource
import time
from pathlib import Path

import httpx
import pytest

from tests.chaos import ledger
from tests.chaos.processes import CoordinatorProcess, Processes, registered, until, waited

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]


def limit_files(coordinator: CoordinatorProcess, size: int) -> None:
    """No file of the coordinator grows beyond `size` bytes from now on, as on a full disk."""
    _, hard = resource.prlimit(coordinator.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(coordinator.pid, resource.RLIMIT_FSIZE, (size, hard))


async def test_a_full_disk_refuses_and_heals(processes: Processes, tmp_path: Path) -> None:
    coordinator = processes.coordinator(f"sqlite:///{tmp_path}/tenure.db", lease="2s")
    await coordinator.ready()
    async with (
        coordinator.client() as client,
        httpx.AsyncClient(base_url=coordinator.url, trust_env=False) as raw,
    ):
        worker = processes.worker(coordinator.url)
        await registered(client, "worker")
        first = [(await client.submit("nap", 0)).id for _ in range(5)]
        await waited(client, first)
        gate = tmp_path / "gate"
        running = (await client.submit("gate", str(gate))).id

        async def begun() -> bool:
            return running in ledger.starts(processes.journal)

        await until(begun)
        written = max(file.stat().st_size for file in tmp_path.glob("tenure.db*"))
        limit_files(coordinator, written)
        asked: dict[str, dict[str, object]] = {}
        until_ = time.monotonic() + 3.0  # longer than the lease of the job that runs
        gate.touch()  # its report is refused as well
        while time.monotonic() < until_:
            key = f"key-{len(asked)}"
            body = {"type": "nap", "payload": 0, "idempotency_key": key}
            answer = await raw.post("/api/jobs", json=body)
            assert answer.status_code == 503, answer.text
            assert "retry-after" in answer.headers
            asked[key] = body
            assert (await raw.get(f"/api/jobs/{running}")).json()["status"] == "running"
            await asyncio.sleep(0.1)
        assert len(await _listed(raw)) == len(first) + 1

        limit_files(coordinator, resource.RLIM_INFINITY)
        ids = []
        for body in asked.values():
            answer = await raw.post("/api/jobs", json=body)
            assert answer.status_code == 201, answer.text
            ids.append(answer.json()["id"])
        done = await waited(client, [running, *ids])
        assert {(j.status, j.attempt, j.lost) for j in done.values()} == {("completed", 1, 0)}
        await ledger.check_once(client, processes.journal, [*first, running, *ids])
        assert len(await _listed(raw)) == len(first) + 1 + len(ids)
        assert coordinator.running
        assert worker.running


async def _listed(raw: httpx.AsyncClient) -> list[str]:
    answer = await raw.get("/api/jobs", params={"limit": 500})
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["items"]]
