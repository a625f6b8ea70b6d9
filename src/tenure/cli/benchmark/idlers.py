"""Many idle workers in one process: `python -m tenure.cli.benchmark.idlers`.

Each has two connections, like a real worker: one long-polls, the other sends heartbeats. Reads one
Crowd; answers `"ready"` when every worker waits in its long poll; ends at the end of its input.
"""

from __future__ import annotations

import asyncio
import random
import sys

import msgspec

from tenure.cli.benchmark.connection import Connection, Target
from tenure.cli.benchmark.failure import BenchmarkError
from tenure.cli.benchmark.lines import Lines, say
from tenure.cli.benchmark.loop import run
from tenure.cli.benchmark.raw_worker import RawWorker

TYPE = "bench.idle"
_SLOTS = 10
_AT_ONCE = 16


class Crowd(msgspec.Struct, kw_only=True):
    """How many workers, on which queue of which coordinator."""

    url: str
    token: str | None = None
    queue: str
    workers: int


class _Idlers:
    def __init__(self, crowd: Crowd) -> None:
        self._target = Target.parse(crowd.url, crowd.token)
        self._queue = crowd.queue
        self._missing = crowd.workers
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self.waiting = asyncio.Event()

    async def live(self, name: str) -> None:
        """One worker's life. Ends only by an error or by being cancelled."""
        async with Connection(self._target) as polls, Connection(self._target) as beats:
            async with self._gate:
                worker = await RawWorker.register(polls, name, self._queue, TYPE, _SLOTS)
            beats.authorize(worker.token)
            await asyncio.gather(self._poll(worker), self._beat(worker, beats))

    async def _poll(self, worker: RawWorker) -> None:
        # The first wait is of random length, so that the polls are spread evenly over time from
        # the start, as they are in a fleet that has run for a while.
        wait = random.uniform(0.1, 1) * worker.poll_seconds
        self._missing -= 1
        if not self._missing:
            self.waiting.set()
        while True:
            if await worker.acquire(_SLOTS, wait):
                raise BenchmarkError("an idle worker was given a job")
            wait = worker.poll_seconds

    async def _beat(self, worker: RawWorker, connection: Connection) -> None:
        await asyncio.sleep(random.uniform(0, worker.heartbeat_seconds))
        while True:
            await worker.heartbeat(connection, _SLOTS)
            await asyncio.sleep(worker.heartbeat_seconds)


async def _serve() -> None:
    lines = await Lines.of_stdin()
    order = await lines.next()
    if not order:
        return
    crowd = msgspec.json.decode(order, type=Crowd)
    idlers = _Idlers(crowd)
    lives = [asyncio.ensure_future(idlers.live(f"idle-{i}")) for i in range(crowd.workers)]
    ready = asyncio.ensure_future(idlers.waiting.wait())
    ended = asyncio.ensure_future(lines.next())
    try:
        await asyncio.wait([*lives, ready], return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            say("ready")
            await asyncio.wait([*lives, ended], return_when=asyncio.FIRST_COMPLETED)
        for life in lives:
            if life.done():
                life.result()
    finally:
        for task in (*lives, ready, ended):
            task.cancel()
        await asyncio.gather(*lives, ready, ended, return_exceptions=True)


def main() -> None:
    """Live until the input ends; an error goes to stderr in one line, with status 1."""
    try:
        run(_serve(), fast=True)
    except BenchmarkError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
