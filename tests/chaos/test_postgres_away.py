"""PostgreSQL goes away and comes back under load: 503 meanwhile, then everything heals."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import httpx
import pytest

from tests.chaos import ledger
from tests.chaos.processes import Processes, registered, until, waited
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

MAX_ANSWER_SECONDS = 10.0


@dataclass
class Load:
    """Callers who send again what was not acknowledged, with the same key. `acknowledged`: key to
    id; `slowest`: seconds."""

    url: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    slowest: float = 0.0
    stopping: bool = False
    numbers: count[int] = field(default_factory=count)

    async def ask(
        self, client: httpx.AsyncClient, method: str, path: str, body: object
    ) -> httpx.Response:
        began = time.monotonic()
        answer = await client.request(method, path, json=body)
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.statuses[method, answer.status_code] += 1
        return answer

    async def submit(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=30, trust_env=False) as client:
            while not self.stopping:
                key = f"key-{next(self.numbers)}"
                job = {"type": "nap", "payload": 0.01, "idempotency_key": key}
                while (answer := await self.ask(client, "POST", "/api/jobs", job)).is_error:
                    assert answer.status_code == 503, answer.text
                    assert "retry-after" in answer.headers
                    await asyncio.sleep(0.2)
                self.acknowledged[key] = answer.json()["id"]

    async def read(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=30, trust_env=False) as client:
            while not self.stopping:
                answer = await self.ask(client, "GET", "/api/jobs?limit=5", None)
                assert answer.status_code in (200, 503), answer.text
                await asyncio.sleep(0.05)

    def count(self, method: str, status: int) -> int:
        return self.statuses[method, status]


async def outage(server: PostgresServer, load: Load, how: signal.Signals, seconds: float) -> None:
    """Stop the database, wait until callers were refused, start it, wait until they are not."""
    refused = load.count("POST", 503), load.count("GET", 503)
    await asyncio.to_thread(server.stop, how)

    async def noticed() -> bool:
        return load.count("POST", 503) > refused[0] and load.count("GET", 503) > refused[1]

    await until(noticed)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(server.start)
    served, seen = load.count("POST", 201), load.count("GET", 200)

    async def healed() -> bool:
        return load.count("POST", 201) > served + 20 and load.count("GET", 200) > seen + 5

    await until(healed, MAX_ANSWER_SECONDS)


async def test_everything_heals_when_postgres_comes_back(
    processes: Processes, private_postgres: PostgresServer
) -> None:
    database_url = private_postgres.url(private_postgres.new_name())
    coordinator = processes.coordinator(database_url, lease="2s")
    await coordinator.ready()
    worker = processes.worker(coordinator.url)
    async with coordinator.client() as client:
        await registered(client, "worker")
        load = Load(coordinator.url)
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(load.submit())
            group.create_task(load.read())
            await asyncio.sleep(0.5)
            await outage(private_postgres, load, signal.SIGINT, 0.5)
            await outage(private_postgres, load, signal.SIGQUIT, 3.0)  # longer than a lease
            load.stopping = True
        assert {status for _, status in load.statuses} == {200, 201, 503}
        assert load.slowest < MAX_ANSWER_SECONDS
        ids = list(load.acknowledged.values())
        assert len(set(ids)) == len(ids)
        done = await waited(client, ids)
        assert {job.status for job in done.values()} == {"completed"}
        await ledger.check(client, processes.journal, ids)
        stored = [job.id async for job in client.list()]
        assert sorted(stored) == sorted(ids)
        assert coordinator.running
        assert worker.running
        ready = await until(lambda: _ready(coordinator.url))
        assert ready
    assert "a duty failed" in coordinator.log


async def _ready(url: str) -> bool:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        return (await client.get("/health/ready")).status_code == 200
