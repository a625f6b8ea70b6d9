"""Does a claim take longer when many jobs wait? A long queue must cost no more than a short one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec

from tenure.cli.benchmark.connection import Connection, check
from tenure.cli.benchmark.failure import BenchmarkError
from tenure.cli.benchmark.figures import Results, median, rounded
from tenure.cli.benchmark.plan import NOOP, Counts
from tenure.cli.benchmark.raw_worker import RawWorker
from tenure.cli.benchmark.stage import Stage
from tenure.cli.benchmark.submitting import submitter

FEW, MANY = "bench.claims.few", "bench.claims.many"
_WARM_UP = 20
_SLOTS = 1_000


@dataclass(frozen=True, slots=True)
class _Side:
    """A worker and a submitter on one queue, whose number of pending jobs stays the same."""

    worker: RawWorker
    submits: Connection
    size: int

    async def claim(self) -> float:
        """Seconds for one acquire over HTTP, from before its first byte to its whole answer. Then,
        outside that time, the jobs are reported completed and as many new ones submitted."""
        body = self.worker.acquire_body(self.size, 0)
        started = time.perf_counter()
        answer = await self.worker.connection.send("POST", RawWorker.ACQUIRE, body)
        seconds = time.perf_counter() - started
        check(answer, "POST", RawWorker.ACQUIRE)
        leases = RawWorker.leases(answer)
        if len(leases) != self.size:
            raise BenchmarkError(f"{self.size} jobs were asked for, {len(leases)} were leased")
        await self.worker.complete(leases)
        job = {"type": NOOP, "queue": self.worker.queue, "payload": msgspec.Raw(b"{}")}
        await self.submits.call("POST", "/api/jobs/batch", [job] * self.size)
        return seconds


async def claims(stage: Stage, counts: Counts, results: Results) -> None:
    """The ratio of two medians: claims with many jobs pending, and with few.

    On stores of our own there are two, each with its coordinator, analyzed and started again after
    loading, and the claims alternate between them so that both see the same machine. Elsewhere one
    store holds two queues, one after the other.
    """
    sizes = {FEW: counts.claim_few_pending, MANY: counts.claim_many_pending}
    times: dict[str, list[float]] = {FEW: [], MANY: []}
    together = [[FEW, MANY]] if stage.fresh else [[FEW], [MANY]]
    for queues in together:
        for queue in queues:
            await _load(stage, counts, queue, sizes[queue])
        async with contextlib.AsyncExitStack() as stack:
            sides = {
                queue: await stack.enter_async_context(_side(stage, queue, counts.claim_size))
                for queue in queues
            }
            await _measure(sides, counts.claims, times)
    few, many = median(times[FEW]), median(times[MANY])
    results.figures["claim_ratio_1m_to_1k"] = rounded(many / few)
    results.extras["claim_few_pending_ms"] = rounded(1000 * few)
    results.extras["claim_many_pending_ms"] = rounded(1000 * many)


async def _load(stage: Stage, counts: Counts, queue: str, jobs: int) -> None:
    async with (
        stage.coordinator(queue) as coordinator,
        submitter(coordinator.target, counts) as sender,
    ):
        await sender.bulk(queue, NOOP, jobs)
    await stage.analyze(queue)


@contextlib.asynccontextmanager
async def _side(stage: Stage, queue: str, size: int) -> AsyncIterator[_Side]:
    async with (
        stage.coordinator(queue) as coordinator,
        Connection(coordinator.target) as leases,
        Connection(coordinator.target) as submits,
    ):
        worker = await RawWorker.register(leases, "bench-claims", queue, NOOP, _SLOTS)
        yield _Side(worker, submits, size)
        await worker.goodbye()


async def _measure(sides: dict[str, _Side], claims: int, times: dict[str, list[float]]) -> None:
    queues: Sequence[str] = list(sides)
    for number in range(_WARM_UP + claims):
        for queue in queues if number % 2 else reversed(queues):
            seconds = await sides[queue].claim()
            if number >= _WARM_UP:
                times[queue].append(seconds)
