"""`GET /metrics`, as Prometheus asks."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api.calls import Api, fresh_queue

pytestmark = pytest.mark.anyio


def value(answer: httpx.Response, name: str, **labels: str) -> float | None:
    """One sample; None when it is not there."""
    assert answer.status_code == 200, answer.text
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


async def test_work_is_seen(api: Api) -> None:
    queue = fresh_queue()
    before = value(await api.client.get("/metrics"), "tenure_jobs_submitted_total")
    assert before is not None
    member = await api.register(queue, slots=4)
    await api.submit(queue, 3)
    [lease] = await member.acquire()
    await member.complete(lease)
    late = await member.complete(lease, outcome="failed")
    assert late.status_code == 409
    await member.acquire()
    async with asyncio.timeout(10):
        while True:
            answer = await api.client.get("/metrics")
            pending = value(answer, "tenure_jobs", queue=queue, state="pending")
            running = value(answer, "tenure_jobs", queue=queue, state="running")
            if (pending, running) == (1, 1):
                break
            await asyncio.sleep(0.05)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert value(answer, "tenure_jobs_submitted_total") == before + 3
    assert value(answer, "tenure_job_start_delay_seconds_count", queue=queue) == 2
    lane = {"queue": queue, "type": "echo", "outcome": "completed"}
    assert value(answer, "tenure_job_duration_seconds_count", **lane) == 1
    assert (value(answer, "tenure_stale_reports_total") or 0) >= 1
    assert value(answer, "tenure_store_up") == 1
    store = api.coordinator.store.dialect.name
    assert f'tenure_info{{store="{store}"' in answer.text
    assert (value(answer, "tenure_worker_slots", state="busy") or 0) >= 1
    assert (value(answer, "tenure_duty_seconds_count", duty="sweeper") or 0) >= 1


async def test_the_store_away_is_told_not_an_error(fresh: Api) -> None:
    async with asyncio.timeout(10):
        while value(await fresh.client.get("/metrics"), "tenure_store_up") != 1:
            await asyncio.sleep(0.02)
    clock, before = fresh.coordinator.clock, fresh.coordinator.clock.monotonic
    clock.monotonic = lambda: before() + 3600 * 1_000_000
    answer = await fresh.client.get("/metrics")
    clock.monotonic = before
    assert value(answer, "tenure_store_up") == 0
