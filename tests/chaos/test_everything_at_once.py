"""Random faults for a minute: whatever was acknowledged ends well, with one accepted result."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from contextlib import AsyncExitStack

import pytest

from tenure.client.asynchronous import AsyncClient
from tenure.domain.errors import TenureError
from tests.chaos import ledger
from tests.chaos.processes import CoordinatorProcess, Process, Processes, waited
from tests.chaos.proxy import Fate, Proxy, proxied

pytestmark = [pytest.mark.anyio, pytest.mark.chaos, pytest.mark.soak]

SECONDS = 60.0
LEASE = 2.0
WORKERS = 3
LOSSY = 0.03
"""The share of requests whose answers get lost."""


class Chance:
    """Loses the answers of some requests, whatever they are."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self, request: bytes, answer: bytes) -> Fate:
        if self._random.random() >= LOSSY / 2:
            return Fate.PASS
        return self._random.choice((Fate.WHOLE, Fate.HALF)) if answer else Fate.BEFORE


async def submit(client: AsyncClient, ids: set[str], until: float, chance: random.Random) -> None:
    """Jobs of both kinds, sent again until they are acknowledged."""
    number = 0
    while time.monotonic() < until:
        number += 1
        key = f"{id(client)}-{number}"
        kind, payload = chance.choice((("nap", chance.random() / 2), ("child", 0.1)))
        while True:
            try:
                job = await client.submit(kind, payload, idempotency_key=key, max_attempts=50)
                break
            except TenureError:
                await asyncio.sleep(0.2)
        ids.add(job.id)
        await asyncio.sleep(chance.random() / 20)


async def disturb(
    coordinator: CoordinatorProcess,
    workers: list[Process],
    proxies: list[Proxy],
    until: float,
    chance: random.Random,
) -> None:
    """One fault after the other, each healed before the next."""
    while time.monotonic() < until:
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        worker = chance.choice(workers)
        match chance.randrange(6):
            case 0:
                coordinator.kill()
                await asyncio.sleep(chance.uniform(0, LEASE))
                await coordinator.restart()
            case 1:
                coordinator.signal(signal.SIGTERM)
                await coordinator.ended()
                await coordinator.restart()
            case 2:
                coordinator.signal(signal.SIGSTOP)
                await asyncio.sleep(chance.uniform(0, 2 * LEASE))
                coordinator.signal(signal.SIGCONT)
            case 3:
                worker.kill()
                worker.start()
            case 4:
                worker.signal(signal.SIGSTOP)
                await asyncio.sleep(chance.uniform(0, 2 * LEASE))
                worker.signal(signal.SIGCONT)
            case _:
                chance.choice(proxies).cut()


@pytest.mark.parametrize("seed", [1, 2])
async def test_acknowledged_jobs_end_well(
    processes: Processes, database_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    # A poisoned job would be given up after three losses, which random faults may well bring.
    coordinator = processes.coordinator(database_url, lease=f"{LEASE}s", TENURE_MAX_LOST="1000")
    await coordinator.ready()
    ids: set[str] = set()
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(proxied(coordinator.port)) for _ in range(4)]
        for place, proxy in enumerate(proxies):
            proxy.judge = Chance(seed * 100 + place)
        workers = [
            processes.worker(proxy.url, f"worker-{place}")
            for place, proxy in enumerate(proxies[:WORKERS])
        ]
        until = time.monotonic() + SECONDS
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                client = await stack.enter_async_context(AsyncClient(proxies[-1].url))
                group.create_task(submit(client, ids, until, random.Random(chance.random())))
            group.create_task(disturb(coordinator, workers, proxies, until, chance))
        client = await stack.enter_async_context(coordinator.client())
        healed_at = time.monotonic()
        done = await waited(client, sorted(ids), 60)
        print(f"{len(ids)} jobs, the last {time.monotonic() - healed_at:.1f} s after the faults")
        assert {job.status for job in done.values()} == {"completed"}
        await ledger.check(client, processes.journal, sorted(ids))
        assert {job.id async for job in client.list()} == ids
