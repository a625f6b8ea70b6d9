"""Jobs per second: the whole cycle, bulk submit, drain, and one job per request."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime

from tenure.cli.benchmark import machine, processes, watch
from tenure.cli.benchmark.connection import Connection
from tenure.cli.benchmark.failure import BenchmarkError
from tenure.cli.benchmark.figures import Results
from tenure.cli.benchmark.machine import Meter
from tenure.cli.benchmark.plan import NOOP, Counts
from tenure.cli.benchmark.stage import Coordinator, Stage
from tenure.cli.benchmark.submitter import Sent
from tenure.cli.benchmark.submitting import Submitter, submitter
from tenure.domain.clock import from_datetime, wall_now

SINGLE = "bench.single"
_DRAIN = "bench.drain"


@dataclass(slots=True)
class _Usage:
    """Processor seconds of each side, one value per round."""

    coordinator: list[float | None] = field(default_factory=list)
    worker: list[float | None] = field(default_factory=list)
    submitter: list[float | None] = field(default_factory=list)

    def put(self, results: Results, figure: str) -> None:
        results.explain(f"{figure}_coordinator_cpu_seconds", self.coordinator)
        results.explain(f"{figure}_worker_cpu_seconds", self.worker)
        results.explain(f"{figure}_submitter_cpu_seconds", self.submitter)


async def cycle(stage: Stage, counts: Counts, results: Results) -> None:
    """Submit, run and report at once, by one submitter and one worker that already waits: from the
    first byte sent until nothing of the queue is left."""
    queue = "bench.cycle"
    rates: list[float] = []
    usage = _Usage()
    async with (
        stage.coordinator("cycle") as coordinator,
        processes.worker(coordinator.target, queue, counts.worker_slots, stage.directory) as worker,
        submitter(coordinator.target, counts) as sender,
        Connection(coordinator.target) as connection,
    ):
        before = await watch.completed(connection)
        warm = await sender.bulk(queue, NOOP, counts.warm_up_jobs)
        await watch.finished(connection, queue, warm.last_id)
        for _ in range(counts.repeat):
            worker.check()
            meters = Meter(coordinator.pid), Meter(worker.pid)
            sent = await sender.bulk(queue, NOOP, counts.cycle_jobs)
            await watch.finished(connection, queue, sent.last_id)
            ended = time.monotonic_ns()
            rates.append(counts.cycle_jobs / ((ended - sent.first_sent_ns) / 1e9))
            usage.coordinator.append(meters[0].used())
            usage.worker.append(meters[1].used())
            usage.submitter.append(sent.cpu_seconds)
        if coordinator.pid is not None:
            jobs = counts.warm_up_jobs + counts.repeat * counts.cycle_jobs
            await watch.counted(connection, before + jobs)
        results.put("cycle_jobs_per_second", rates)
        usage.put(results, "cycle")
        _memory(coordinator, worker, results)


def _memory(coordinator: Coordinator, worker: processes.Process, results: Results) -> None:
    results.explain("worker_rss_mb", [machine.rss_mb(worker.pid)])
    if coordinator.pid is None:
        return
    resident = machine.rss_mb(coordinator.pid)
    if resident is not None:
        results.put("coordinator_rss_mb", [resident])
    results.explain("coordinator_peak_rss_mb", [machine.peak_rss_mb(coordinator.pid)])


async def bulk(stage: Stage, counts: Counts, results: Results) -> None:
    """Bulk submit with no worker; then a worker starts and drains the queue: from its first claim
    (the start of the job of highest priority, by the coordinator's clock) until nothing is left."""
    submits: list[float] = []
    drains: list[float] = []
    usage_in, usage_out = _Usage(), _Usage()
    async with (
        stage.coordinator("bulk") as coordinator,
        submitter(coordinator.target, counts) as sender,
        Connection(coordinator.target) as connection,
    ):
        await _drained(
            stage, counts, coordinator, connection,
            await sender.bulk(_DRAIN, NOOP, counts.warm_up_jobs), _Usage(),
        )  # fmt: skip
        for _ in range(counts.repeat):
            meter = Meter(coordinator.pid)
            sent = await sender.bulk(_DRAIN, NOOP, counts.bulk_jobs)
            submits.append(counts.bulk_jobs / sent.seconds)
            usage_in.coordinator.append(meter.used())
            usage_in.submitter.append(sent.cpu_seconds)
            seconds = await _drained(stage, counts, coordinator, connection, sent, usage_out)
            drains.append(counts.bulk_jobs / seconds)
    results.put("bulk_submit_jobs_per_second", submits)
    results.put("drain_jobs_per_second", drains)
    usage_in.put(results, "bulk_submit")
    usage_out.put(results, "drain")


async def _drained(
    stage: Stage,
    counts: Counts,
    coordinator: Coordinator,
    connection: Connection,
    sent: Sent,
    usage: _Usage,
) -> float:
    """Seconds from the first claim to the last report."""
    meter = Meter(coordinator.pid)
    async with processes.worker(
        coordinator.target, _DRAIN, counts.worker_slots, stage.directory
    ) as worker:
        await watch.finished(connection, _DRAIN, sent.last_id)
        ended = wall_now()
        usage.coordinator.append(meter.used())
        usage.worker.append(machine.cpu_seconds(worker.pid))
    first = await connection.call("GET", f"/api/jobs/{sent.first_id}")
    began = from_datetime(datetime.fromisoformat(first["started_at"]))
    if ended <= began:
        raise BenchmarkError("the clocks of this machine and the coordinator do not agree")
    return (ended - began) / 1e6


async def single(stage: Stage, counts: Counts, results: Results) -> None:
    """One job per request from many connections, no worker; every answer is a durable job."""
    rates: list[float] = []
    usage = _Usage()
    async with (
        stage.coordinator("single") as coordinator,
        submitter(coordinator.target, counts) as sender,
    ):
        await _one_by_one(sender, counts.single_jobs // 5)
        for _ in range(counts.repeat):
            meter = Meter(coordinator.pid)
            sent = await _one_by_one(sender, counts.single_jobs)
            rates.append(counts.single_jobs / sent.seconds)
            usage.coordinator.append(meter.used())
            usage.submitter.append(sent.cpu_seconds)
    results.put("single_submit_per_second", rates)
    usage.put(results, "single")


async def _one_by_one(sender: Submitter, jobs: int) -> Sent:
    return await sender.single(SINGLE, NOOP, jobs)
