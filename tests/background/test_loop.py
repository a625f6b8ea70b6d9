"""The loop that runs duties: at once, after a rest, when woken, and on after errors."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import pytest

from tenure.background import loop as module
from tenure.background.duty import Ticked
from tenure.background.loop import Loop
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import Unavailable

pytestmark = pytest.mark.anyio

CLOCK = Clock()
PATIENCE = 5.0


class Scripted:
    """Answers each tick by the next entry of `script`, then rests. `at`: the clock's readings."""

    name = "scripted"

    def __init__(self, *script: Ticked | Exception, interval: float = 60.0) -> None:
        self.interval = interval
        self.script = list(script)
        self.at: list[int] = []
        self.during: Callable[[], None] = lambda: None

    async def tick(self, now: int) -> Ticked:
        self.at.append(now)
        self.during()
        entry = self.script.pop(0) if self.script else Ticked()
        if isinstance(entry, Exception):
            raise entry
        return entry

    async def reaches(self, ticks: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.at) < ticks:
                await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def running(duty: Scripted, random: float = 0.0) -> AsyncIterator[Loop]:
    loop = Loop(duty, CLOCK, lambda: random)
    task = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_again_at_once_while_there_is_more() -> None:
    duty = Scripted(Ticked(1, more=True), Ticked(1, more=True), Ticked(1))
    async with running(duty) as loop:
        await duty.reaches(3)
        await asyncio.sleep(0.05)
    assert (len(duty.at), loop.ticks, loop.errors) == (3, 3, 0)
    assert duty.at[2] - duty.at[0] < SECOND


@pytest.mark.parametrize(("random", "shortest"), [(0.0, 0.1), (1.0, 0.08)])
async def test_it_rests_its_interval_less_up_to_a_fifth(random: float, shortest: float) -> None:
    duty = Scripted(interval=0.1)
    async with running(duty, random):
        await duty.reaches(3)
    rests = [after - before for before, after in zip(duty.at, duty.at[1:], strict=False)]
    assert min(rests) >= shortest * SECOND - 2_000
    assert min(rests) < 0.5 * SECOND


async def test_a_tick_may_name_the_next() -> None:
    due = CLOCK.now() + 40_000
    duty = Scripted(Ticked(next_at=due))
    async with running(duty):
        await duty.reaches(2)
    assert due - 2_000 <= duty.at[1] < due + SECOND


async def test_more_with_an_instant_waits_for_it() -> None:
    due = CLOCK.now() + 40_000
    duty = Scripted(Ticked(5, more=True, next_at=due))
    async with running(duty):
        await duty.reaches(2)
    assert duty.at[1] >= due - 2_000


async def test_an_instant_beyond_the_interval_does_not_stretch_it() -> None:
    duty = Scripted(Ticked(next_at=CLOCK.now() + 3600 * SECOND), interval=0.05)
    async with running(duty):
        await duty.reaches(2)


async def test_wake_ends_a_rest() -> None:
    duty = Scripted()
    async with running(duty) as loop:
        await duty.reaches(1)
        loop.wake()
        await duty.reaches(2)
        await asyncio.sleep(0.02)
    assert len(duty.at) == 2


async def test_wake_during_a_tick_means_once_more() -> None:
    duty = Scripted()
    async with running(duty) as loop:
        duty.during = lambda: loop.wake() if len(duty.at) == 1 else None
        await duty.reaches(2)
        await asyncio.sleep(0.02)
    assert len(duty.at) == 2


async def test_wake_at_shortens_a_rest_and_never_stretches_it() -> None:
    duty = Scripted()
    async with running(duty) as loop:
        await duty.reaches(1)
        soon = CLOCK.now() + 40_000
        loop.wake_at(soon)
        loop.wake_at(soon + 3600 * SECOND)
        await duty.reaches(2)
    assert duty.at[1] >= soon - 2_000


async def test_errors_are_counted_and_never_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_ERROR_REST", 0.02)
    duty = Scripted(Unavailable("away"), RuntimeError("a bug"), Ticked(1))
    async with running(duty) as loop:
        await duty.reaches(3)
        await asyncio.sleep(0.02)
    assert (loop.ticks, loop.errors) == (1, 2)
    rests = [after - before for before, after in zip(duty.at, duty.at[1:], strict=False)]
    assert rests[0] >= 0.039 * SECOND
    assert rests[1] >= 0.079 * SECOND


async def test_it_beats_while_ticks_end_well() -> None:
    duty = Scripted(interval=1.0)
    began = CLOCK.monotonic()
    async with running(duty) as loop:
        await duty.reaches(1)
        await asyncio.sleep(0)
    assert loop.beating(CLOCK.monotonic())
    assert loop.beating(began + 12 * SECOND)
    assert not loop.beating(CLOCK.monotonic() + 13 * SECOND + 1)


async def test_failing_ticks_are_no_beat() -> None:
    now = CLOCK.monotonic()
    loop = Loop(
        Scripted(Unavailable("away"), interval=1.0), Clock(lambda: now, time.time_ns), lambda: 0.0
    )
    assert loop.beating(now + 13 * SECOND)
    task = asyncio.create_task(loop.run())
    await asyncio.sleep(0.01)
    now += 14 * SECOND
    assert loop.errors == 1
    assert not loop.beating(now)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_every_tick_is_timed_well_or_not() -> None:
    told: list[tuple[str, float]] = []
    duty = Scripted(Ticked(more=True), Unavailable("away"), interval=60.0)
    loop = Loop(duty, CLOCK, lambda: 0.0, lambda name, seconds: told.append((name, seconds)))
    task = asyncio.create_task(loop.run())
    async with asyncio.timeout(PATIENCE):
        while len(told) < 2:
            await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [name for name, _ in told[:2]] == ["scripted", "scripted"]
    assert all(seconds >= 0 for _, seconds in told)
