"""Who is woken by what."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from tenure.coordinator.wakeups import Poll, Wakeups

pytestmark = pytest.mark.anyio

LONG = 30.0


def poll(worker: str = "w", slots: int = 1, *types: str, queue: str = "q") -> Poll:
    return Poll(worker, (queue,), frozenset(types or ("echo",)), slots)


class Waiting:
    """Polls that are filed and wait."""

    def __init__(self, wakeups: Wakeups, *polls: Poll, seconds: float = LONG) -> None:
        self._filed = ExitStack()
        for item in polls:
            self._filed.enter_context(wakeups.filed(item))
        self._tasks = [asyncio.create_task(wakeups.wait(item, seconds)) for item in polls]

    async def woken(self) -> list[bool]:
        """Which of them are awake a moment later."""
        await asyncio.sleep(0.001)
        return [task.done() for task in self._tasks]

    async def answers(self) -> list[bool]:
        return await asyncio.gather(*self._tasks)

    def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._filed.close()


async def test_as_many_polls_wake_as_the_jobs_need() -> None:
    wakeups = Wakeups()
    waiting = Waiting(wakeups, poll("a", 2), poll("b", 2), poll("c", 2))
    assert await waiting.woken() == [False] * 3
    wakeups.ready("q", "echo", 3)
    assert await waiting.woken() == [True, True, False]
    wakeups.ready("q", "echo", 1)
    assert await waiting.answers() == [True] * 3
    waiting.leave()


async def test_only_polls_of_the_lane_wake() -> None:
    wakeups = Wakeups()
    waiting = Waiting(wakeups, poll(queue="other"), poll("w", 1, "mail"), poll("w", 0), poll())
    assert await waiting.woken() == [False] * 4
    wakeups.ready("q", "echo", 9)
    assert await waiting.woken() == [False, False, False, True]
    waiting.leave()


async def test_a_poll_of_very_many_types_is_woken_for_its_own() -> None:
    wakeups = Wakeups()
    types = tuple(f"t{n}" for n in range(300))
    waiting = Waiting(wakeups, poll("w", 1, *types))
    assert set(wakeups.waiting_lanes()) == {("q", name) for name in types}
    assert await waiting.woken() == [False]
    wakeups.ready("q", "echo", 1)
    assert await waiting.woken() == [False]
    wakeups.ready("q", "t299", 1)
    assert await waiting.woken() == [True]
    waiting.leave()


async def test_a_poll_that_looks_just_now_looks_again() -> None:
    wakeups = Wakeups()
    looking, other = poll("a"), poll("b")
    waiting = Waiting(wakeups, other)
    assert await waiting.woken() == [False]
    with wakeups.filed(looking):
        wakeups.ready("q", "echo", 2)
        assert await waiting.woken() == [True]
        assert wakeups.waiting_workers() == []
        assert await wakeups.wait(looking, LONG) is True
        assert await wakeups.wait(looking, 0.01) is False
        wakeups.tell(["a"])
        assert await wakeups.wait(looking, LONG) is True
    wakeups.ready("q", "echo", 1)
    assert not looking.missed
    waiting.leave()


async def test_a_worker_is_told() -> None:
    wakeups = Wakeups()
    waiting = Waiting(wakeups, poll("a", 0), poll("b", 0))
    await waiting.woken()
    assert wakeups.waiting_workers() == ["a", "b"]
    wakeups.tell(["b", "stranger"])
    assert await waiting.woken() == [False, True]
    waiting.leave()


async def test_another_coordinator_has_work_in_a_queue() -> None:
    wakeups = Wakeups()
    waiting = Waiting(wakeups, poll("a"), poll("b", 1, "mail"), poll("c", queue="other"))
    assert await waiting.woken() == [False] * 3
    wakeups.queue_ready("q")
    assert await waiting.woken() == [True, True, False]
    waiting.leave()


async def test_a_wait_ends_by_itself() -> None:
    wakeups = Wakeups()
    waiting = Waiting(wakeups, poll(), seconds=0.01)
    assert await waiting.answers() == [False]
    assert await Waiting(wakeups, poll(), seconds=0).answers() == [False]
    waiting.leave()
    assert wakeups.waiting_lanes() == []
    assert wakeups.waiting_workers() == []


async def test_a_caller_that_is_cancelled_leaves_nothing() -> None:
    wakeups = Wakeups()

    async def asking() -> None:
        item = poll()
        with wakeups.filed(item):
            await wakeups.wait(item, LONG)

    task = asyncio.create_task(asking())
    await asyncio.sleep(0.001)
    assert wakeups.waiting_workers() == ["w"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert wakeups.waiting_lanes() == []
    assert wakeups.waiting_workers() == []


async def test_the_end_of_a_job_is_seen_by_all_who_watch_it() -> None:
    wakeups = Wakeups()
    wakeups.ended(["x"])
    with wakeups.watch("x") as one, wakeups.watch("x") as two, wakeups.watch("y") as other:
        wakeups.ended(["x", "z"])
        assert (one.is_set(), two.is_set(), other.is_set()) == (True, True, False)
        wakeups.stop()
        assert other.is_set()


async def test_who_follows_a_log_hears_of_lines_and_of_the_end() -> None:
    wakeups = Wakeups()
    with wakeups.watch("x") as end, wakeups.watch("x", log=True) as log:
        wakeups.logged({"x", "y"})
        assert (end.is_set(), log.is_set()) == (False, True)
        log.clear()
        wakeups.ended(["x"])
        assert (end.is_set(), log.is_set()) == (True, True)
        log.clear()
        wakeups.stop()
        assert log.is_set()
    wakeups.logged({"x"})


async def test_who_waits_for_an_end_reads_again_at_each_news_and_no_oftener() -> None:
    wakeups = Wakeups()
    found = ["running", "running", "over"]
    reads = 0

    async def read() -> str:
        nonlocal reads
        reads += 1
        if reads == 1:
            wakeups.ended(["x"])  # beside the look: it is not missed
        return found[min(reads, len(found)) - 1]

    waiting = asyncio.create_task(wakeups.until("x", read, "over".__eq__, LONG))
    await asyncio.sleep(0.01)
    assert (reads, waiting.done()) == (2, False)
    wakeups.ended(["x"])
    assert await waiting == "over"
    assert await wakeups.until("y", read, "never".__eq__, 0.01) == "over"
    waiting = asyncio.create_task(wakeups.until("y", read, "never".__eq__, LONG))
    await asyncio.sleep(0.001)
    wakeups.stop()
    assert await waiting == "over"


async def test_stopping_answers_everybody_and_nobody_waits_from_then_on() -> None:
    wakeups = Wakeups()
    waiting = Waiting(wakeups, poll("a"), poll("b", 0))
    await waiting.woken()
    wakeups.stop()
    assert await waiting.answers() == [False, False]
    assert wakeups.stopping
    assert await Waiting(wakeups, poll()).answers() == [False]
    waiting.leave()


async def test_a_queue_that_gives_again_wakes_as_many_as_it_gives() -> None:
    wakeups = Wakeups()
    waiting = Waiting(wakeups, poll("a", 2), poll("b", 2), poll("c", 2), poll(queue="other"))
    assert await waiting.woken() == [False] * 4
    wakeups.queue_ready("q", 3)
    assert await waiting.woken() == [True, True, False, False]
    waiting.leave()


async def test_a_queue_that_gives_later_wakes_then_and_once() -> None:
    wakeups = Wakeups()
    waiting = Waiting(wakeups, poll("a"), poll("b"))
    wakeups.queue_ready_later("q", 0.02, 1)
    wakeups.queue_ready_later("q", 0.01, 2)  # there is a timer already
    assert await waiting.woken() == [False, False]
    async with asyncio.timeout(5):
        while not any(await waiting.woken()):
            pass
    assert await waiting.woken() == [True, False]
    wakeups.queue_ready_later("q", 0.0, 1)
    async with asyncio.timeout(5):
        assert await waiting.answers() == [True, True]
    waiting.leave()


async def test_nothing_is_woken_later_once_all_stops() -> None:
    wakeups = Wakeups()
    wakeups.queue_ready_later("q", 0.0, 1)
    wakeups.stop()
    wakeups.queue_ready_later("q", 0.0, 1)
    waiting = Waiting(wakeups, poll())
    assert await waiting.answers() == [False]
    waiting.leave()
