"""The promoter writes only when something is due, and says when that is next."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tenure.background.duty import Ticked
from tenure.background.promoter import Promoter
from tenure.domain.clock import SECOND
from tenure.store import tables as t
from tests.background.rig import Rig

pytestmark = pytest.mark.anyio


async def states(rig: Rig) -> list[str]:
    return sorted(row[0] for row in await rig.rows(sa.select(t.active_jobs.c.state)))


async def test_nothing_is_due(rig: Rig) -> None:
    promoter = Promoter(rig.committer, rig.reader)
    assert (promoter.name, promoter.interval) == ("promoter", 1.0)
    assert await promoter.tick(rig.now) == Ticked()
    await rig.submitted(1)
    before = len(rig.units)
    assert await promoter.tick(rig.now) == Ticked()
    assert len(rig.units) == before


async def test_it_rests_until_the_next_is_due(rig: Rig) -> None:
    promoter = Promoter(rig.committer, rig.reader)
    await rig.submitted(2, run_at=rig.now + SECOND)
    await rig.submitted(1, expires_at=rig.now + 2 * SECOND)
    assert await promoter.tick(rig.now) == Ticked(next_at=rig.now + SECOND)
    rig.later(SECOND)
    assert await promoter.tick(rig.now) == Ticked(2, more=True)
    assert rig.units[-1].ready == {("default", "echo"): 2}
    assert await promoter.tick(rig.now) == Ticked(next_at=rig.now + SECOND)
    rig.later(SECOND)
    assert await promoter.tick(rig.now) == Ticked(1, more=True)
    assert await promoter.tick(rig.now) == Ticked()
    assert await states(rig) == ["pending", "pending"]


async def test_a_job_too_late_expires_instead_of_being_promoted(rig: Rig) -> None:
    promoter = Promoter(rig.committer, rig.reader)
    await rig.submitted(1, run_at=rig.now + SECOND, expires_at=rig.now + SECOND)
    rig.later(SECOND)
    assert await promoter.tick(rig.now) == Ticked(1, more=True)
    finals = sa.select(t.runs.c.final_state)
    assert await rig.rows(finals) == [("expired",)]


async def test_it_does_not_spin_when_it_moves_nothing(rig: Rig) -> None:
    promoter = Promoter(rig.committer, rig.reader)
    await rig.submitted(1, run_at=rig.now + SECOND)
    # Due for the tick, not yet for the transaction: as if another coordinator had the row.
    assert await promoter.tick(rig.now + SECOND) == Ticked(0)
    assert await states(rig) == ["scheduled"]
