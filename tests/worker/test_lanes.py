from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from typing import Any

import pytest

from tenure.worker.lanes import SLICE_SECONDS, Lanes, Work
from tests.worker.scenes import until

pytestmark = pytest.mark.anyio

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="nobody")


async def _all(work: Work[int], count: int, done: Callable[[], int]) -> None:
    lanes: Lanes[int] = Lanes(work)
    lanes.add(range(count))
    await until(lambda: done() == count)
    await lanes.close()


async def test_items_that_never_suspend_run_in_order_on_few_tasks() -> None:
    order: list[int] = []
    tasks = set()

    async def work(item: int, task: asyncio.Task[Any]) -> None:
        order.append(item)
        assert task is asyncio.current_task()
        tasks.add(task)

    await _all(work, 1_000, lambda: len(order))
    assert order == list(range(1_000))
    assert len(tasks) < 50


async def test_items_that_suspend_run_side_by_side() -> None:
    running, most, done = 0, 0, 0

    async def work(item: int, task: asyncio.Task[Any]) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        done += 1

    await _all(work, 50, lambda: done)
    assert most == 50


async def test_one_that_waits_in_the_middle_holds_nobody_up() -> None:
    gate, done = asyncio.Event(), list[int]()

    async def work(item: int, task: asyncio.Task[Any]) -> None:
        if item == 3:
            await gate.wait()
        done.append(item)

    lanes: Lanes[int] = Lanes(work)
    lanes.add(range(10))
    await until(lambda: len(done) == 9)
    gate.set()
    await until(lambda: len(done) == 10)
    assert done[-1] == 3
    await lanes.close()


async def test_context_variables_do_not_leak_to_the_next_item() -> None:
    seen: list[str] = []

    async def work(item: int, task: asyncio.Task[Any]) -> None:
        seen.append(WHO.get())
        WHO.set(f"item {item}")

    WHO.set("the one who adds")
    await _all(work, 20, lambda: len(seen))
    assert seen == ["nobody"] * 20


async def test_a_cancelled_item_does_not_cancel_the_next() -> None:
    done: list[int] = []

    async def work(item: int, task: asyncio.Task[Any]) -> None:
        if item == 0:
            task.cancel()
        else:
            await asyncio.sleep(0)
        done.append(item)

    await _all(work, 3, lambda: len(done))
    assert sorted(done) == [0, 1, 2]


async def test_a_long_row_of_items_lets_the_loop_in_between() -> None:
    done, rounds = 0, 0

    async def work(item: int, task: asyncio.Task[Any]) -> None:
        nonlocal done
        until_then = time.perf_counter() + SLICE_SECONDS / 2
        while time.perf_counter() < until_then:
            pass
        done += 1

    lanes: Lanes[int] = Lanes(work)
    lanes.add(range(20))
    while done < 20:
        rounds += 1
        await asyncio.sleep(0)
    assert rounds >= 5
    await lanes.close()


async def test_closing_cancels_what_runs_and_forgets_what_waits() -> None:
    ended: list[str] = []

    async def work(item: int, task: asyncio.Task[Any]) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")

    lanes: Lanes[int] = Lanes(work)
    lanes.add(range(2))
    await asyncio.sleep(0.02)
    assert await lanes.close() == 0
    assert ended == ["cancelled"] * 2


async def test_closing_does_not_wait_for_what_will_not_be_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tenure.worker.lanes.CLOSE_SECONDS", 0.02)
    gate = asyncio.Event()

    async def work(item: int, task: asyncio.Task[Any]) -> None:
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue

    lanes: Lanes[int] = Lanes(work)
    lanes.add([1])
    await asyncio.sleep(0.01)
    assert await lanes.close() == 1
    gate.set()
    assert await lanes.close() == 0
