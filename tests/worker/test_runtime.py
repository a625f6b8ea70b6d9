"""The whole worker against a real coordinator."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from tenure.client.asynchronous import AsyncClient
from tenure.client.transport import AsyncTransport
from tenure.domain.errors import ConfigurationError
from tenure.domain.run import Fail, Retry, Snooze
from tenure.worker.context import Context
from tenure.worker.options import WorkerOptions
from tenure.worker.registry import Registry, handler
from tenure.worker.runtime import WorkerRuntime
from tests.worker import process_handlers
from tests.worker.running import Running
from tests.worker.scenes import until

pytestmark = pytest.mark.anyio

QUICK = {"strategy": "fixed", "initial_delay_seconds": 0.01}


@handler("double")
async def double(payload: int) -> int:
    return payload * 2


@handler("thread")
def in_thread(payload: int) -> int:
    return payload + 1


@handler("sleep")
async def sleep(payload: float) -> str:
    await asyncio.sleep(payload)
    return "slept"


async def _status(client: AsyncClient, job_id: str) -> str:
    return (await client.get(job_id)).status


async def _running(client: AsyncClient, job_id: str) -> None:
    async with asyncio.timeout(5):
        while await _status(client, job_id) != "running":
            await asyncio.sleep(0.01)


async def test_every_kind_of_handler_brings_its_result(coordinator: Running) -> None:
    async with coordinator.client() as client:
        functions = (double, in_thread, process_handlers.in_loop)
        async with coordinator.worker(*functions):
            ids = [
                (await client.submit(type_, payload)).id
                for type_, payload in (("double", 4), ("thread", 4), ("async", None))
            ]
            jobs = [await client.wait(id_, 20) for id_ in ids]
    assert [job.status for job in jobs] == ["completed"] * 3
    assert [job.result for job in jobs] == [8, 5, "async in a child"]


async def test_many_jobs_flow_through_few_slots(coordinator: Running) -> None:
    async with coordinator.client() as client, coordinator.worker(double, slots=40):
        made = await client.submit_many({"type": "double", "payload": n} for n in range(2_000))
        last = await client.wait(made[-1].id, 20)
        assert last.result == 1_999 * 2
        stats = None
        async with asyncio.timeout(10):
            while stats is None or stats.totals.get("completed") != 2_000:
                stats = await client.stats()
                await asyncio.sleep(0.05)


async def test_log_progress_and_checkpoint_reach_the_coordinator(coordinator: Running) -> None:
    @handler("steps")
    async def steps(payload: None, ctx: Context) -> Any:
        ctx.log.info(f"attempt {ctx.attempt}")
        ctx.log.warning("a\0b")
        former, ctx.checkpoint = ctx.checkpoint, {"attempt": ctx.attempt}
        if ctx.attempt == 1:
            raise Retry("once more", after=0)
        return former

    async with coordinator.client() as client, coordinator.worker(steps):
        job_id = (await client.submit("steps")).id
        job = await client.wait(job_id, 10)
        lines = [(line.level, line.text) async for line in client.logs(job_id)]
    assert (job.status, job.attempt, job.result) == ("completed", 2, {"attempt": 1})
    assert lines == [
        ("info", "attempt 1"), ("warning", "a\ufffdb"),
        ("info", "attempt 2"), ("warning", "a\ufffdb"),
    ]  # fmt: skip


async def test_progress_is_seen_while_the_handler_runs(coordinator: Running) -> None:
    coordinator.use_lease(0.6)
    gate = asyncio.Event()

    @handler("slow")
    async def slow(payload: None, ctx: Context) -> None:
        ctx.progress(0.5, "half")
        await gate.wait()

    async with coordinator.client() as client, coordinator.worker(slow):
        job_id = (await client.submit("slow")).id
        progress = None
        async with asyncio.timeout(5):
            while progress is None:
                progress = (await client.get(job_id)).progress
                await asyncio.sleep(0.02)
        gate.set()
        assert (progress.fraction, progress.message) == (0.5, "half")
        assert (await client.wait(job_id, 5)).status == "completed"


async def test_failures_are_retried_then_the_job_is_dead(coordinator: Running) -> None:
    @handler("broken")
    async def broken(payload: str) -> None:
        raise ValueError(f"{payload}\0\ud800")

    async with coordinator.client() as client, coordinator.worker(broken):
        submitted = await client.submit("broken", "x", max_attempts=3, retry_policy=QUICK)
        job = await client.wait(submitted.id, 10)
        runs = await client.runs(submitted.id)
    assert (job.status, job.attempt, len(runs)) == ("failed", 3, 3)
    assert job.error is not None
    assert (job.error.type, job.error.message) == ("ValueError", "x\ufffd\ufffd")
    assert "in broken" in (job.error.traceback or "")


async def test_handlers_decide_their_outcome(coordinator: Running) -> None:
    @handler("decide")
    async def decide(payload: str, ctx: Context) -> None:
        if payload == "fail":
            raise Fail("no way")
        if payload == "snooze":
            raise Snooze(60)

    async with coordinator.client() as client, coordinator.worker(decide):
        failed = await client.submit("decide", "fail")
        snoozed = await client.submit("decide", "snooze")
        invalid = await client.submit("decide", {"not": "text"})
        assert (await client.wait(failed.id, 5)).reason == "non_retryable"
        assert (await client.wait(invalid.id, 5)).reason == "non_retryable"
        async with asyncio.timeout(5):
            while (job := await client.get(snoozed.id)).reason != "snoozed":
                await asyncio.sleep(0.01)
        assert (job.status, job.attempt) == ("scheduled", 0)


async def test_a_result_that_is_too_large_fails_and_says_why(coordinator: Running) -> None:
    @handler("large")
    async def large(payload: int) -> str:
        return "x" * payload

    async with coordinator.client() as client, coordinator.worker(large, double):
        big = await client.submit("large", 1_100_000)
        others = [await client.submit("double", n) for n in range(20)]
        job = await client.wait(big.id, 10)
        assert job.status == "failed"
        assert job.error is not None
        assert job.error.type == "ReportRefused"
        assert "result" in job.error.message
        for other in others:
            assert (await client.wait(other.id, 5)).status == "completed"


async def test_a_full_worker_hears_of_a_cancel_at_once(coordinator: Running) -> None:
    async with coordinator.client() as client, coordinator.worker(sleep, slots=1):
        job_id = (await client.submit("sleep", 60)).id
        await _running(client, job_id)
        await asyncio.sleep(0.5)
        began = time.monotonic()
        await client.cancel(job_id, "enough")
        job = await client.wait(job_id, 5)
        assert job.status == "cancelled"
        assert time.monotonic() - began < 1


async def test_draining_finishes_what_runs_and_gives_the_rest_back(coordinator: Running) -> None:
    async with coordinator.client() as client:
        async with coordinator.worker(sleep, drain_grace_seconds=0.5):
            short = (await client.submit("sleep", 0.3)).id
            long = (await client.submit("sleep", 60)).id
            await _running(client, short)
            await _running(client, long)
        assert await _status(client, short) == "completed"
        job = await client.get(long)
        assert (job.status, job.attempt, job.lost) == ("pending", 0, 0)
        assert [worker.state for worker in await client.workers()] == ["gone"]


async def test_stopping_gives_back_at_once(coordinator: Running) -> None:
    async with coordinator.client() as client:
        async with coordinator.worker(sleep, drain_grace_seconds=60) as runtime:
            job_id = (await client.submit("sleep", 60)).id
            await _running(client, job_id)
            began = time.monotonic()
            runtime.stop()
        assert time.monotonic() - began < 2
        job = await client.get(job_id)
        assert (job.status, job.attempt) == ("pending", 0)


async def test_the_coordinator_can_ask_for_a_drain(coordinator: Running) -> None:
    registry = Registry()
    registry.add(sleep)
    runtime = WorkerRuntime(WorkerOptions(url=coordinator.url), registry)
    async with coordinator.client() as client:
        task = asyncio.ensure_future(runtime.run())
        await runtime.started.wait()
        job_id = (await client.submit("sleep", 0.2)).id
        await _running(client, job_id)
        (worker,) = await client.workers()
        await client.drain(worker.id)
        await asyncio.wait_for(task, 5)
        assert await _status(client, job_id) == "completed"


async def test_a_worker_that_was_forgotten_registers_again(coordinator: Running) -> None:
    async with coordinator.client() as client, coordinator.worker(double):
        (worker,) = await client.workers()
        transport = AsyncTransport(coordinator.url)
        await transport.request("DELETE", f"/api/workers/{worker.id}")
        await transport.aclose()
        job = await client.wait((await client.submit("double", 1)).id, 10)
        assert job.result == 2
        assert job.worker_id != worker.id


async def test_running_jobs_outlive_a_restart_of_the_coordinator(coordinator: Running) -> None:
    starts: list[int] = []
    gate = asyncio.Event()

    @handler("held")
    async def held(payload: int) -> int:
        starts.append(payload)
        await gate.wait()
        return payload

    async with coordinator.client() as client, coordinator.worker(held, slots=20):
        ids = [made.id for made in await client.submit_many(
            {"type": "held", "payload": n} for n in range(20)
        )]  # fmt: skip
        await until(lambda: len(starts) == 20)
        await asyncio.to_thread(coordinator.stop)
        gate.set()
        await asyncio.sleep(0.3)
        await asyncio.to_thread(coordinator.start)
        jobs = [await client.wait(id_, 20) for id_ in ids]
    assert [job.result for job in jobs] == list(range(20))
    assert {job.attempt for job in jobs} == {1}
    assert sorted(starts) == list(range(20))


async def test_a_worker_waits_for_its_coordinator(coordinator: Running) -> None:
    coordinator.stop()
    registry = Registry()
    registry.add(double)
    runtime = WorkerRuntime(WorkerOptions(url=coordinator.url), registry)
    task = asyncio.ensure_future(runtime.run())
    await asyncio.sleep(0.2)
    assert not runtime.started.is_set()
    await asyncio.to_thread(coordinator.start)
    await asyncio.wait_for(runtime.started.wait(), 10)
    runtime.drain()
    await asyncio.wait_for(task, 5)


async def test_a_worker_that_waits_for_its_coordinator_can_be_stopped(
    coordinator: Running,
) -> None:
    coordinator.stop()
    registry = Registry()
    registry.add(double)
    runtime = WorkerRuntime(WorkerOptions(url=coordinator.url), registry)
    task = asyncio.ensure_future(runtime.run())
    await asyncio.sleep(0.1)
    runtime.drain()
    await asyncio.wait_for(task, 5)
    assert not runtime.started.is_set()


def _burn(seconds: float) -> None:
    until_then = time.monotonic() + seconds
    while time.monotonic() < until_then:
        pass


@handler("burn.loop")
async def burn_in_loop(payload: float) -> str:
    _burn(payload)
    return "kept"


@handler("sleep.loop")
async def sleep_in_loop(payload: float) -> str:
    time.sleep(payload)
    return "kept"


@handler("burn.thread")
def burn_in_thread(payload: float) -> str:
    _burn(payload)
    return "kept"


@pytest.mark.parametrize("type_", ["burn.loop", "sleep.loop", "burn.thread"])
async def test_a_handler_that_hogs_the_interpreter_keeps_its_lease(
    coordinator: Running, type_: str
) -> None:
    coordinator.use_lease(0.3)
    functions = (burn_in_loop, sleep_in_loop, burn_in_thread)
    async with coordinator.client() as client, coordinator.worker(*functions):
        job = await client.wait((await client.submit(type_, 0.95)).id, 10)
        runs = await client.runs(job.id)
    assert (job.status, job.result, job.attempt, job.lost) == ("completed", "kept", 1, 0)
    assert [run.outcome for run in runs] == ["completed"]


async def test_an_exclusive_handler_stops_when_its_lease_cannot_be_believed(
    coordinator: Running,
) -> None:
    coordinator.use_lease(0.5)
    ended: dict[str, float] = {}
    stopped = threading.Event()

    @handler("exclusive", exclusive=True)
    async def exclusive(payload: None) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended["exclusive"] = time.monotonic()
            stopped.set()

    @handler("other")
    async def other(payload: None) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended["other"] = time.monotonic()

    async with (
        coordinator.client() as client,
        coordinator.worker(exclusive, other, drain_grace_seconds=0) as runtime,
    ):
        for type_ in ("exclusive", "other"):
            await _running(client, (await client.submit(type_)).id)
        await asyncio.to_thread(coordinator.stop)
        await until(stopped.is_set, 2)
        assert "other" not in ended
        runtime.stop()


async def test_what_cannot_work_is_refused_at_once(coordinator: Running) -> None:
    with pytest.raises(ConfigurationError, match="at least one handler"):
        WorkerRuntime(WorkerOptions(), Registry())
    with pytest.raises(ConfigurationError, match="slots"):
        WorkerOptions(slots=0)
    with pytest.raises(ConfigurationError, match="queues"):
        WorkerOptions(queues=())
