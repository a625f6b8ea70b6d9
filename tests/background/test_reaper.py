"""The reaper marks silent workers, unless it may have been deaf itself."""

from __future__ import annotations

import pytest

from tenure.background.duty import Ticked
from tenure.background.reaper import Reaper
from tenure.store.workers import get_worker
from tests.background.rig import Rig
from tests.builders import WORKER

pytestmark = pytest.mark.anyio


async def test_silence_for_more_than_a_lease(rig: Rig) -> None:
    reaper = Reaper(rig.committer, rig.steadiness, rig.clock, rig.terms)
    assert (reaper.name, reaper.interval) == ("reaper", 10.0)
    await rig.joined()
    rig.later(rig.terms.lease)
    rig.steady()
    assert await reaper.tick(rig.now) == Ticked(0)
    rig.later(1)
    assert await reaper.tick(rig.now) == Ticked(1)
    assert (await rig.run(get_worker, WORKER)).state == "lost"


async def test_it_rests_until_the_coordinator_was_well_for_a_lease(rig: Rig) -> None:
    reaper = Reaper(rig.committer, rig.steadiness, rig.clock, rig.terms)
    await rig.joined()
    rig.later(10 * rig.terms.lease)
    assert await reaper.tick(rig.now) == Ticked()
    assert (await rig.run(get_worker, WORKER)).state == "online"
