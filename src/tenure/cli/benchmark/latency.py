"""From submit to the start of the handler, on an idle system."""

from __future__ import annotations

import asyncio
import random
import time

import msgspec

from tenure.cli.benchmark import processes
from tenure.cli.benchmark.connection import Connection, check
from tenure.cli.benchmark.failure import BenchmarkError
from tenure.cli.benchmark.figures import Results, percentile, rounded
from tenure.cli.benchmark.plan import START, Counts
from tenure.cli.benchmark.stage import Stage

_QUEUE = "bench.latency"
_REST = (0.010, 0.025)
"""Seconds between two jobs, random: by then the worker has reported and waits in its long poll."""
_WITHIN = 30.0


class _Starts(asyncio.DatagramProtocol):
    """What the handler tells: (number, CLOCK_MONOTONIC nanoseconds) of each start."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[int, int]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        number, began = data.split()
        self.heard.put_nowait((int(number), int(began)))

    async def of(self, number: int) -> int:
        """When job `number` started. Raises BenchmarkError when it is not heard of."""
        try:
            async with asyncio.timeout(_WITHIN):
                while True:
                    found, began = await self.heard.get()
                    if found == number:
                        return began
        except TimeoutError:
            raise BenchmarkError(f"no job started within {_WITHIN:g} s") from None


async def latency(stage: Stage, counts: Counts, results: Results) -> None:
    """One job at a time, from the instant before its request is written to the instant its handler
    begins; one worker, waiting in its long poll."""
    async with (
        stage.coordinator("latency") as coordinator,
        processes.worker(coordinator.target, _QUEUE, 10, stage.directory),
        Connection(coordinator.target) as connection,
    ):
        transport, starts = await asyncio.get_running_loop().create_datagram_endpoint(
            _Starts, local_addr=("127.0.0.1", 0)
        )
        try:
            port = transport.get_extra_info("sockname")[1]
            samples = [
                await _sample(connection, starts, port, number)
                for number in range(counts.latency_warm_up + counts.latency_samples)
            ][counts.latency_warm_up :]
        finally:
            transport.close()
    results.figures["start_latency_p50_ms"] = rounded(percentile(samples, 50))
    results.figures["start_latency_p99_ms"] = rounded(percentile(samples, 99))
    results.extras["start_latency_max_ms"] = rounded(max(samples))
    results.extras["start_latency_mean_ms"] = rounded(sum(samples) / len(samples))


async def _sample(connection: Connection, starts: _Starts, port: int, number: int) -> float:
    """Milliseconds."""
    await asyncio.sleep(random.uniform(*_REST))
    job = {"type": START, "queue": _QUEUE, "payload": {"number": number, "port": port}}
    body = msgspec.json.encode(job)
    sent = time.monotonic_ns()
    check(await connection.send("POST", "/api/jobs", body), "POST", "/api/jobs")
    return (await starts.of(number) - sent) / 1e6
