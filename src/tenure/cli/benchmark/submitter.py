"""A submitter in a process of its own: `python -m tenure.cli.benchmark.submitter`.

Reads an Order from a line of stdin, opens its connections and answers `"ready"`; the next line lets
it send; it answers with Sent and reads the next order. Ends at the end of its input.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

import msgspec

from tenure.cli.benchmark.connection import Connection, Target, check
from tenure.cli.benchmark.failure import BenchmarkError
from tenure.cli.benchmark.lines import Lines, say
from tenure.cli.benchmark.loop import run

FIRST, LAST = 100, -100
"""Priorities of the first and the last job, so that they are claimed first and last."""


class Order(msgspec.Struct, kw_only=True):
    """What to submit. `jobs_per_request` 0 is one job per request to `POST /api/jobs`.

    `connections` requests are in flight at once. Payloads are `payload_bytes` of JSON each, all
    different.
    """

    url: str
    token: str | None = None
    queue: str
    type: str
    jobs: int
    jobs_per_request: int
    connections: int
    payload_bytes: int


class Sent(msgspec.Struct, kw_only=True):
    """When and what. Instants are CLOCK_MONOTONIC nanoseconds, comparable between processes of one
    machine: before the first byte was written, after the last answer was read."""

    first_sent_ns: int
    last_answered_ns: int
    cpu_seconds: float
    jobs: int
    first_id: str
    last_id: str

    @property
    def seconds(self) -> float:
        """From the first byte to the last answer."""
        return (self.last_answered_ns - self.first_sent_ns) / 1e9


class _Created(msgspec.Struct):
    id: str


class _Batch(msgspec.Struct):
    items: list[_Created]


def payload(number: int, size: int) -> msgspec.Raw:
    """A JSON object of exactly `size` bytes (at least 40) that holds `number`."""
    head = f'{{"number":{number},"padding":"'
    return msgspec.Raw(f'{head}{"x" * (size - len(head) - 2)}"}}'.encode())


def bodies(order: Order) -> Iterator[bytes]:
    """The request bodies in order."""
    step = order.jobs_per_request
    for start in range(0, order.jobs, step or 1):
        numbers = range(start, min(start + (step or 1), order.jobs))
        jobs = [_job(order, number) for number in numbers]
        yield msgspec.json.encode(jobs if step else jobs[0])


def _job(order: Order, number: int) -> dict[str, object]:
    job: dict[str, object] = {
        "type": order.type,
        "queue": order.queue,
        "payload": payload(number, order.payload_bytes),
    }
    if number == order.jobs - 1:
        job["priority"] = LAST
    elif number == 0:
        job["priority"] = FIRST
    return job


class _Round:
    """One order being carried out: every connection takes the next body when it is free."""

    def __init__(self, order: Order, connections: list[Connection]) -> None:
        self._single = not order.jobs_per_request
        self._path = "/api/jobs" if self._single else "/api/jobs/batch"
        self._bodies = enumerate(bodies(order))
        self._connections = connections
        self._ids: dict[int, list[str]] = {}

    async def send(self) -> Sent:
        used = time.process_time()
        started = time.monotonic_ns()
        await asyncio.gather(*(self._send_on(connection) for connection in self._connections))
        ended = time.monotonic_ns()
        return Sent(
            first_sent_ns=started,
            last_answered_ns=ended,
            cpu_seconds=time.process_time() - used,
            jobs=sum(map(len, self._ids.values())),
            first_id=self._ids[min(self._ids)][0],
            last_id=self._ids[max(self._ids)][-1],
        )

    async def _send_on(self, connection: Connection) -> None:
        for number, body in self._bodies:
            answer = await connection.send("POST", self._path, body)
            check(answer, "POST", self._path)
            self._ids[number] = self._read(answer.body)

    def _read(self, body: bytes) -> list[str]:
        if self._single:
            return [msgspec.json.decode(body, type=_Created).id]
        return [item.id for item in msgspec.json.decode(body, type=_Batch).items]


async def _serve() -> None:
    lines = await Lines.of_stdin()
    while line := await lines.next():
        order = msgspec.json.decode(line, type=Order)
        target = Target.parse(order.url, order.token)
        async with AsyncExitStack() as stack:
            connections = [
                await stack.enter_async_context(Connection(target))
                for _ in range(order.connections)
            ]
            say("ready")
            if not await lines.next():
                return
            say(await _Round(order, connections).send())


def main() -> None:
    """Serve orders until the input ends; an error goes to stderr in one line, with status 1."""
    try:
        run(_serve(), fast=True)
    except BenchmarkError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
