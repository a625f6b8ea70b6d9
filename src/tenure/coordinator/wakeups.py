"""Who waits for what: long polls for jobs, callers for a job's end, followers for its log.

Held in memory only: a wake-up that is lost costs latency, never a job, because waiting polls are
looked at again every few seconds and waiting callers read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

Read = TypeVar("Read")
Lane = tuple[str, str]
READ_AGAIN_SECONDS = 1.0
"""How often a waiting caller looks for an end that another coordinator wrote."""
_MAX_LANES = 256
_ANY_TYPE = ""


Check = Callable[[], Awaitable[None]]


async def allowed() -> None:
    """Of callers that may wait as long as they like."""


@dataclass(eq=False, slots=True)
class Poll:
    """One long poll: the lanes it serves and the slots it has free.

    It waits, or it looks into the store; `missed` is set when it was to be woken while it looked.
    """

    worker_id: str
    queues: tuple[str, ...]
    types: frozenset[str]
    slots: int
    woken: asyncio.Future[bool] | None = None
    missed: bool = False

    def wake(self) -> bool:
        """Wake it; False when it was not waiting."""
        if self.woken is None:
            self.missed = True
            return False
        if self.woken.done():
            return False
        self.woken.set_result(True)
        return True

    def lanes(self) -> list[Lane]:
        """The keys it is filed under; by queue alone when they would be too many."""
        if self.slots == 0:
            return []
        if len(self.queues) * len(self.types) > _MAX_LANES:
            return [(queue, _ANY_TYPE) for queue in self.queues]
        return [(queue, type_) for queue in self.queues for type_ in self.types]


class Wakeups:
    """Files waiting polls by lane and worker. Use from one event loop."""

    def __init__(self) -> None:
        self._by_lane: dict[Lane, dict[Poll, None]] = {}
        self._by_worker: dict[str, dict[Poll, None]] = {}
        self._by_job: dict[str, set[asyncio.Event]] = {}
        self._by_log: dict[str, set[asyncio.Event]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopping = False

    @contextmanager
    def filed(self, poll: Poll) -> Iterator[None]:
        """What happens from here on reaches the poll, also while it looks and does not wait: a
        commit beside its look may have come too late to be seen by it."""
        lanes = poll.lanes()
        for lane in lanes:
            self._by_lane.setdefault(lane, {})[poll] = None
        self._by_worker.setdefault(poll.worker_id, {})[poll] = None
        try:
            yield
        finally:
            for lane in lanes:
                _discard(self._by_lane, lane, poll)
            _discard(self._by_worker, poll.worker_id, poll)

    async def wait(self, poll: Poll, seconds: float) -> bool:
        """Wait for work, a cancel or drain; False when `seconds` passed or all stops.

        The poll is filed. What it missed since its last wait ends this one at once.
        """
        if self._stopping or seconds <= 0:
            return False
        if poll.missed:
            poll.missed = False
            return True
        loop = asyncio.get_running_loop()
        poll.woken = woken = loop.create_future()
        timer = loop.call_later(seconds, _give_up, woken)
        try:
            # Awaited itself: one step of the loop more, and a claim would miss the transaction of
            # the submit that woke it.
            woke: bool = await woken
            return woke
        finally:
            timer.cancel()
            poll.woken = None

    def ready(self, queue: str, type_: str, jobs: int) -> None:
        """Wake as many polls of this lane as `jobs` need, those filed first before others.

        Polls that look just now are told to look again, and count for nothing: they may be about
        to leave with other jobs.
        """
        for key in ((queue, type_), (queue, _ANY_TYPE)):
            for poll in tuple(self._by_lane.get(key, ())):
                if jobs <= 0:
                    return
                if type_ in poll.types and poll.wake():
                    jobs -= poll.slots

    def queue_ready(self, queue: str, jobs: int = 1) -> None:
        """The queue has work or gives it again: wake as many polls of each of its lanes as `jobs`
        need, one for what another coordinator announced."""
        for (name, type_), polls in tuple(self._by_lane.items()):
            if name == queue and polls:
                poll = next(iter(polls))
                self.ready(queue, type_ or next(iter(poll.types), ""), jobs)

    def queue_ready_later(self, queue: str, seconds: float, jobs: int) -> None:
        """`queue_ready` in so many seconds, or when it was to happen sooner anyway."""
        if queue not in self._timers and not self._stopping:
            loop = asyncio.get_running_loop()
            self._timers[queue] = loop.call_later(seconds, self._timed, queue, jobs)

    def _timed(self, queue: str, jobs: int) -> None:
        del self._timers[queue]
        self.queue_ready(queue, jobs)

    def tell(self, worker_ids: Iterable[str]) -> None:
        """Wake the polls of these workers: a cancel or drain is for them."""
        for worker_id in worker_ids:
            for poll in tuple(self._by_worker.get(worker_id, ())):
                poll.wake()

    def waiting_lanes(self) -> list[Lane]:
        """The lanes somebody waits for; those of very wide polls with their first type only."""
        lanes: set[Lane] = set()
        for (queue, type_), polls in self._by_lane.items():
            if type_ != _ANY_TYPE:
                lanes.add((queue, type_))
            else:
                lanes.update((queue, name) for poll in polls for name in poll.types)
        return sorted(lanes)

    def waiting_workers(self) -> list[str]:
        """The workers with a poll that waits, not looks."""
        return sorted(
            worker_id
            for worker_id, polls in self._by_worker.items()
            if any(poll.woken is not None for poll in polls)
        )

    @property
    def stopping(self) -> bool:
        return self._stopping

    @contextmanager
    def watch(self, job_id: str, *, log: bool = False) -> Iterator[asyncio.Event]:
        """An event that is set when this coordinator sees the job (or workflow) end, or stops; with
        `log` also when the job's log grows."""
        news = asyncio.Event()
        indexes = (self._by_job, self._by_log) if log else (self._by_job,)
        for index in indexes:
            index.setdefault(job_id, set()).add(news)
        try:
            yield news
        finally:
            for index in indexes:
                index[job_id].discard(news)
                if not index[job_id]:
                    del index[job_id]

    async def until(
        self,
        id_: str,
        read: Callable[[], Awaitable[Read]],
        over: Callable[[Read], bool],
        seconds: float,
        still: Check = allowed,
    ) -> Read:
        """What `read` finds once a job or workflow is `over`, or when `seconds` passed or all
        stops. Looks again at each end it is told of, and every READ_AGAIN_SECONDS; `still` is
        asked before each look and raises when the caller may wait no longer."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        with self.watch(id_) as news:
            while True:
                news.clear()  # before it reads: an end beside the look is not missed
                await still()
                found = await read()
                left = until - loop.time()
                if over(found) or left <= 0 or self._stopping:
                    return found
                try:
                    await asyncio.wait_for(news.wait(), min(left, READ_AGAIN_SECONDS))
                except TimeoutError:
                    continue

    def ended(self, job_ids: Iterable[str]) -> None:
        """These jobs and workflows reached a final state."""
        _set(self._by_job, job_ids)

    def logged(self, job_ids: Iterable[str]) -> None:
        """The logs of these jobs grew."""
        _set(self._by_log, job_ids)

    def stop(self) -> None:
        """Answer everybody who waits; nobody waits from now on."""
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for polls in tuple(self._by_worker.values()):
            for poll in polls:
                if poll.woken is not None:
                    _give_up(poll.woken)
        _set(self._by_job, tuple(self._by_job))


def _set(index: dict[str, set[asyncio.Event]], job_ids: Iterable[str]) -> None:
    if index:
        for job_id in index.keys() & set(job_ids):
            for news in index[job_id]:
                news.set()


def _give_up(woken: asyncio.Future[bool]) -> None:
    if not woken.done():
        woken.set_result(False)


def _discard(
    index: dict[Lane, dict[Poll, None]] | dict[str, dict[Poll, None]], key: object, poll: Poll
) -> None:
    polls = index.get(key)  # type: ignore[call-overload]
    if polls is not None:
        polls.pop(poll, None)
        if not polls:
            del index[key]  # type: ignore[arg-type]
