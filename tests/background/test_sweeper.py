"""The sweeper reclaims, and rests when it may have been deaf."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tenure.background.duty import Ticked
from tenure.background.sweeper import Sweeper
from tenure.domain.steadiness import Steadiness
from tenure.store import tables as t
from tests.background.rig import Rig

pytestmark = pytest.mark.anyio


def sweeper(rig: Rig) -> Sweeper:
    return Sweeper(
        rig.committer, rig.steadiness, rig.clock, interval=1.0, max_lost=3, random=lambda: 0.5
    )


async def states(rig: Rig) -> list[str]:
    return sorted(row[0] for row in await rig.rows(sa.select(t.active_jobs.c.state)))


async def test_it_reclaims_what_ran_out(rig: Rig) -> None:
    await rig.joined()
    await rig.leased(2)
    rig.later(rig.terms.lease)
    rig.steady()
    duty = sweeper(rig)
    assert (duty.name, duty.interval) == ("sweeper", 1.0)
    assert await duty.tick(rig.now) == Ticked(2)
    assert await states(rig) == ["pending", "pending"]
    assert await duty.tick(rig.now) == Ticked(0)


async def test_it_asks_for_more_when_there_is_more(rig: Rig) -> None:
    await rig.joined()
    await rig.leased(501)
    rig.later(rig.terms.lease)
    rig.steady()
    ticks = [await sweeper(rig).tick(rig.now) for _ in range(2)]
    assert ticks == [Ticked(500, more=True), Ticked(1)]


async def test_it_rests_until_the_coordinator_was_well_for_a_lease(rig: Rig) -> None:
    await rig.joined()
    await rig.leased(1)
    rig.later(10 * rig.terms.lease)
    assert await sweeper(rig).tick(rig.now) == Ticked()
    rig.steadiness.committed(rig.monotonic)
    for _ in range(3):
        assert await sweeper(rig).tick(rig.now) == Ticked()
        rig.later(rig.terms.heartbeat)
        rig.steadiness.committed(rig.monotonic)
    assert await sweeper(rig).tick(rig.now) == Ticked(1)


class StoppedAfterAsking(Steadiness):
    """The process is stopped for two leases right after the first answer."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig.terms, rig.monotonic - rig.terms.lease)
        for beats in (2, 1, 0):
            self.committed(rig.monotonic - beats * rig.terms.heartbeat)
        self.rig = rig
        self.answers: list[bool] = []

    def steady(self, now: int) -> bool:
        self.answers.append(super().steady(now))
        if len(self.answers) == 1:
            self.rig.later(2 * self.rig.terms.lease)
        return self.answers[-1]


async def test_a_stop_between_asking_and_sweeping_reclaims_nothing(rig: Rig) -> None:
    await rig.joined()
    await rig.leased(1)
    rig.steadiness = stopped = StoppedAfterAsking(rig)
    assert await sweeper(rig).tick(rig.now) == Ticked(0)
    assert stopped.answers == [True, False]
    assert await states(rig) == ["running"]
