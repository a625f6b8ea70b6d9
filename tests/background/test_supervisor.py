"""The supervisor starts all loops and stops them, whatever they are doing."""

from __future__ import annotations

import asyncio

import pytest

from tenure.background.duty import Ticked
from tenure.background.loop import Loop
from tenure.background.supervisor import Supervisor
from tenure.domain.clock import SECOND, Clock

pytestmark = pytest.mark.anyio

CLOCK = Clock()


class Ticking:
    """Sets `ticked`; with `stuck` its tick never ends by itself."""

    interval = 60.0

    def __init__(self, name: str, *, stuck: bool = False) -> None:
        self.name = name
        self.stuck = stuck
        self.ticked = asyncio.Event()
        self.cancelled = False

    async def tick(self, now: int) -> Ticked:
        self.ticked.set()
        if self.stuck:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        return Ticked()


async def test_loops_run_inside_the_block_only() -> None:
    resting, stuck = Ticking("resting"), Ticking("stuck", stuck=True)
    loops = [Loop(duty, CLOCK, lambda: 0.0) for duty in (resting, stuck)]
    supervisor = Supervisor(loops)
    async with asyncio.timeout(5), supervisor.running():
        await resting.ticked.wait()
        await stuck.ticked.wait()
        await asyncio.sleep(0)
    assert stuck.cancelled
    assert loops[0].ticks == 1
    loops[0].wake()
    await asyncio.sleep(0.01)
    assert loops[0].ticks == 1


async def test_beating_by_name() -> None:
    supervisor = Supervisor([Loop(Ticking("a"), CLOCK, lambda: 0.0)])
    assert supervisor.beating(CLOCK.monotonic()) == {"a": True}
    assert supervisor.beating(CLOCK.monotonic() + 191 * SECOND) == {"a": False}


async def test_an_error_of_the_block_comes_out_and_stops_the_loops() -> None:
    duty = Ticking("a", stuck=True)
    supervisor = Supervisor([Loop(duty, CLOCK, lambda: 0.0)])
    with pytest.raises(ExceptionGroup) as caught:
        async with supervisor.running():
            await duty.ticked.wait()
            raise LookupError
    assert caught.group_contains(LookupError)
    assert duty.cancelled
