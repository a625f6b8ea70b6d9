"""The snapshot duty asks once a tick."""

from __future__ import annotations

import pytest

from tenure.background.duty import Ticked
from tenure.background.snapshot import Snapshot
from tenure.coordinator.insight import Insight
from tests.background.rig import Rig

pytestmark = pytest.mark.anyio


async def test_each_tick_takes_what_is_there(rig: Rig) -> None:
    insight = Insight(rig.reader, rig.clock)
    duty = Snapshot(insight)
    assert (duty.name, duty.interval) == ("snapshot", 1.0)
    assert await duty.tick(rig.now) == Ticked(1)
    assert (await insight.stats()).active["pending"] == 0
    await rig.submitted(3)
    rig.later(60_000_000)
    await duty.tick(rig.now)
    assert (await insight.stats()).active["pending"] == 3
