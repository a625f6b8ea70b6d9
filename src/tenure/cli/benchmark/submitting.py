"""The measuring process's side of a submitter."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec

from tenure.cli.benchmark import processes
from tenure.cli.benchmark.connection import Target
from tenure.cli.benchmark.failure import BenchmarkError
from tenure.cli.benchmark.plan import Counts
from tenure.cli.benchmark.submitter import Order, Sent

_WITHIN = 600.0


class Submitter:
    """A submitter process, ready for one order after the other."""

    def __init__(self, process: processes.Process, target: Target, counts: Counts) -> None:
        self._process = process
        self._target = target
        self._counts = counts

    async def bulk(self, queue: str, kind: str, jobs: int) -> Sent:
        """Submit `jobs` jobs of type `kind` in batches, several requests in flight."""
        counts = self._counts
        return await self._submit(
            queue, kind, jobs, counts.jobs_per_request, counts.requests_in_flight
        )

    async def single(self, queue: str, kind: str, jobs: int) -> Sent:
        """Submit `jobs` jobs, one per request, from many connections."""
        return await self._submit(queue, kind, jobs, 0, self._counts.single_clients)

    async def _submit(
        self, queue: str, kind: str, jobs: int, per_request: int, connections: int
    ) -> Sent:
        order = Order(
            url=self._target.url,
            token=self._target.token,
            queue=queue,
            type=kind,
            jobs=jobs,
            jobs_per_request=per_request,
            connections=connections,
            payload_bytes=self._counts.payload_bytes,
        )
        await self._process.say(order)
        await self._process.hear(_WITHIN)
        await self._process.say("go")
        sent = msgspec.convert(await self._process.hear(_WITHIN), Sent)
        if sent.jobs != jobs:
            raise BenchmarkError(f"{jobs} jobs were submitted, {sent.jobs} were acknowledged")
        return sent


@contextlib.asynccontextmanager
async def submitter(target: Target, counts: Counts) -> AsyncIterator[Submitter]:
    """A submitter process for the time of the block."""
    async with processes.helper("submitter") as process:
        yield Submitter(process, target, counts)
