"""What many connected idle workers cost the coordinator."""

from __future__ import annotations

import asyncio
import time

from tenure.cli.benchmark import machine, processes
from tenure.cli.benchmark.figures import Results
from tenure.cli.benchmark.idlers import Crowd
from tenure.cli.benchmark.plan import Counts
from tenure.cli.benchmark.stage import Stage

_WITHIN = 120.0
_SETTLE = 1.0


async def idle(stage: Stage, counts: Counts, results: Results) -> None:
    """Processor time of the coordinator while `idle_workers` registered workers wait in long polls
    and send their heartbeats, as percent of one core. Nothing is measured of a coordinator that is
    not ours."""
    async with stage.coordinator("idle") as coordinator, processes.helper("idlers") as idlers:
        pid = coordinator.pid
        if pid is None:
            results.notes.append("the processor time of a coordinator that was given is not known")
            return
        resident = machine.rss_mb(pid)
        await idlers.say(
            Crowd(
                url=coordinator.target.url,
                token=coordinator.target.token,
                queue="bench.idle",
                workers=counts.idle_workers,
            )
        )
        await idlers.hear(_WITHIN)
        await asyncio.sleep(_SETTLE)
        meter, started = machine.Meter(pid), time.monotonic()
        await asyncio.sleep(counts.idle_seconds)
        used, seconds = meter.used(), time.monotonic() - started
        idlers.check()
        if used is not None:
            results.put("idle_workers_cpu_percent", [100 * used / seconds])
        results.explain("idle_coordinator_rss_mb", [machine.rss_mb(pid)])
        results.explain("empty_coordinator_rss_mb", [resident])
