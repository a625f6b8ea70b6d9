"""When is a queue done? Asked so that the asking costs the coordinator nothing that shows."""

from __future__ import annotations

import asyncio
import time

from tenure.cli.benchmark.connection import Connection
from tenure.cli.benchmark.failure import BenchmarkError

UNFINISHED = ("scheduled", "blocked", "pending", "paused", "running")
_WAIT_SECONDS = 10
WITHIN = 600.0


async def finished(connection: Connection, queue: str, last_id: str) -> None:
    """Wait until job `last_id`, which must be the last of its queue to be claimed, is completed
    and nothing of `queue` is left.

    One long poll on the last job; only then short looks at the few that may still be running.
    Raises BenchmarkError when the job ends otherwise, or after WITHIN seconds.
    """
    status = "pending"
    deadline = time.monotonic() + WITHIN
    while status in UNFINISHED:
        _in_time(deadline, queue)
        job = await connection.call("GET", f"/api/jobs/{last_id}?wait={_WAIT_SECONDS}")
        status = job["status"]
    if status != "completed":
        raise BenchmarkError(f"job {last_id} ended as {status}, not completed")
    await emptied(connection, queue)


async def emptied(connection: Connection, queue: str, every: float = 0.005) -> None:
    """Wait until nothing of `queue` is pending or running, looking `every` so many seconds.

    Raises BenchmarkError after WITHIN seconds.
    """
    deadline = time.monotonic() + WITHIN
    while await unfinished(connection, queue):
        _in_time(deadline, queue)
        await asyncio.sleep(every)


def _in_time(deadline: float, queue: str) -> None:
    if time.monotonic() > deadline:
        raise BenchmarkError(f"queue {queue} was not empty within {WITHIN:g} s")


async def unfinished(connection: Connection, queue: str) -> bool:
    """Whether `queue` holds a job that is pending or running."""
    path = f"/api/jobs?queue={queue}&status=pending&status=running&limit=1"
    page = await connection.call("GET", path)
    return bool(page["items"])


async def completed(connection: Connection) -> int:
    """Jobs completed since the store began."""
    stats = await connection.call("GET", "/api/stats")
    return int(stats["totals"].get("completed", 0))


async def counted(connection: Connection, expected: int, within: float = 10.0) -> None:
    """Check that the store counts `expected` completed jobs; its answer may be a little old.

    Raises BenchmarkError when it still does not after `within` seconds: something was lost or
    done twice.
    """
    deadline = time.monotonic() + within
    while (found := await completed(connection)) != expected:
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{expected} jobs should be completed, the store says {found}")
        await asyncio.sleep(0.1)
