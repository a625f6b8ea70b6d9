"""When is a queue done? Asked so that the asking costs the coordinator nothing that shows."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tenure.cli.benchmark.connection import Connection
from tenure.cli.benchmark.failure import BenchmarkFailed

UNFINISHED = ("scheduled", "blocked", "pending", "paused", "running")
_WAIT_SECONDS = 10
_LAST_WAIT = 0.005


async def finished(
    connection: Connection, queue: str, last_id: str, within: float = 600.0
) -> dict[str, Any]:
    """Wait until job `last_id`, which must be the last in its queue to be claimed, is completed
    and nothing of `queue` is left; returns that job.

    One long poll on the last job; only then short looks at the few that may still be running.
    Raises BenchmarkFailed when the job ends otherwise, or after `within` seconds.
    """
    deadline = time.monotonic() + within
    while True:
        job = await connection.call("GET", f"/api/jobs/{last_id}?wait={_WAIT_SECONDS}")
        if job["status"] not in UNFINISHED:
            break
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"queue {queue} was not empty within {within:g} s")
    if job["status"] != "completed":
        raise BenchmarkFailed(f"job {last_id} ended as {job['status']}, not completed")
    while await unfinished(connection, queue):
        await asyncio.sleep(_LAST_WAIT)
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"queue {queue} was not empty within {within:g} s")
    return dict(job)


async def unfinished(connection: Connection, queue: str) -> bool:
    """Whether `queue` holds a job that is pending or running."""
    for status in ("running", "pending"):
        page = await connection.call("GET", f"/api/jobs?queue={queue}&status={status}&limit=1")
        if page["items"]:
            return True
    return False


async def completed(connection: Connection) -> int:
    """Jobs completed since the store began."""
    stats = await connection.call("GET", "/api/stats")
    return int(stats["totals"].get("completed", 0))


async def counted(connection: Connection, expected: int, within: float = 10.0) -> None:
    """Check that the store counts `expected` completed jobs; its answer may be a little old.

    Raises BenchmarkFailed when it still does not after `within` seconds: something was lost or
    done twice.
    """
    deadline = time.monotonic() + within
    while (found := await completed(connection)) != expected:
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"{expected} jobs should be completed, the store says {found}")
        await asyncio.sleep(0.1)
