"""The ticker writes only when a schedule is due, and says when that is next."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tenure.background.duty import Ticked
from tenure.background.ticker import Ticker
from tenure.domain.clock import MINUTE
from tenure.domain.ids import IdSource
from tenure.store import schedules
from tenure.store import tables as t
from tenure.store.control import Action
from tests.background.rig import Rig
from tests.builders import NOW, new_schedule

pytestmark = pytest.mark.anyio


async def test_it_rests_until_the_next_is_due(rig: Rig) -> None:
    ticker = Ticker(rig.committer, rig.reader)
    assert (ticker.name, ticker.interval) == ("ticker", 1.0)
    assert await ticker.tick(rig.now) == Ticked()
    for id_ in IdSource().make(NOW, 3):
        await rig.run(schedules.create, new_schedule(id=id_), Action())
    assert rig.units[-1].fires_due == NOW + MINUTE
    before = len(rig.units)
    assert await ticker.tick(rig.now) == Ticked(next_at=NOW + MINUTE)
    assert len(rig.units) == before
    rig.later(MINUTE)
    assert await ticker.tick(rig.now) == Ticked(3, more=True)
    assert rig.units[-1].ready == {("default", "echo"): 3}
    assert await ticker.tick(rig.now) == Ticked(next_at=NOW + 2 * MINUTE)
    assert len(await rig.rows(sa.select(t.jobs.c.id))) == 3


async def test_it_does_not_spin_when_it_moves_nothing(rig: Rig) -> None:
    ticker = Ticker(rig.committer, rig.reader)
    await rig.run(schedules.create, new_schedule(), Action())
    # Due for the tick, not yet for the transaction: as if another coordinator had the row.
    assert await ticker.tick(rig.now + MINUTE) == Ticked(0)
