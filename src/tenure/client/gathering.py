"""Gathering concurrent submits into batches, without a timer.

Whatever is waiting when the last request has been answered goes into the next one; the round trip
is the gathering time. So one lone submit leaves at once, and a thousand are a few requests.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

from tenure.client import routes
from tenure.client.call import Call
from tenure.client.submission import EncodedJob, Submitted
from tenure.domain.errors import TenureError, Unreachable

MAX_GATHERED = 1_000
"""Jobs in one gathered request."""
MAX_GATHERED_BYTES = 2 * 1024 * 1024


@dataclass(slots=True)
class _Waiting:
    job: EncodedJob
    answer: asyncio.Future[Submitted]


class Gatherer:
    """Sends encoded jobs for one AsyncClient. `run` carries out a call.

    Bounded by its callers: each waits for its own answer, so what queues here is what awaits.
    """

    def __init__(self, run: Callable[[Call[Any]], Awaitable[Any]]) -> None:
        self._run = run
        self._queue: deque[_Waiting] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, job: EncodedJob) -> Submitted:
        """Raises what the coordinator says of this job. A caller that is cancelled before its job
        was sent takes it back; later the job may have been submitted."""
        if self._closed:
            raise Unreachable("the client is closed")
        waiting = _Waiting(job, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send(), name="tenure-submit")
        return await waiting.answer

    async def close(self) -> None:
        """Stop sending; whoever still waits gets Unreachable."""
        self._closed = True
        if (sender := self._sender) is not None:
            sender.cancel()
            await asyncio.wait([sender])
        self._fail(list(self._queue), Unreachable("the client is closed"))
        self._queue.clear()

    async def _send(self) -> None:
        try:
            while batch := self._next():
                try:
                    await self._carry(batch)
                except asyncio.CancelledError:
                    self._fail(batch, Unreachable("the client was closed before the answer"))
                    raise
                except Exception as error:
                    self._fail(batch, error)
        finally:
            self._sender = None

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._queue and len(batch) < MAX_GATHERED:
            if batch and size + len(self._queue[0].job.body) > MAX_GATHERED_BYTES:
                break
            waiting = self._queue.popleft()
            if not waiting.answer.done():
                batch.append(waiting)
                size += len(waiting.job.body)
        return batch

    async def _carry(self, batch: list[_Waiting]) -> None:
        if len(batch) == 1:
            answers = [await self._run(routes.submit(batch[0].job))]
        else:
            answers = await self._run(routes.submit_each([waiting.job for waiting in batch]))
        if len(answers) != len(batch):
            raise TenureError("the answer has not as many items as the batch")
        for waiting, answer in zip(batch, answers, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(answer, TenureError):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)

    @staticmethod
    def _fail(batch: list[_Waiting], error: Exception) -> None:
        for waiting in batch:
            if not waiting.answer.done():
                # one exception object raised in many tasks would collect all their tracebacks
                waiting.answer.set_exception(copy(error))
