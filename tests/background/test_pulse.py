"""The pulse shows that a coordinator lives and counts those that do."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tenure.background.duty import Ticked
from tenure.background.pulse import Pulse
from tenure.store import tables as t
from tests.background.rig import COORDINATOR, Rig

pytestmark = pytest.mark.anyio

OTHER = "0193474a-0000-7000-8000-00000000000d"
SEEN = sa.select(t.coordinators.c.id, t.coordinators.c.last_seen_at)


async def test_each_beat_is_a_commit_and_counts(rig: Rig) -> None:
    counted: list[int] = []
    pulse = Pulse(rig.committer, rig.terms, counted.append)
    assert await pulse.tick(rig.now) == Ticked(1)
    assert len(rig.units) == 1
    values = {"id": OTHER, "started_at": rig.now, "last_seen_at": rig.now}
    await rig.execute(sa.insert(t.coordinators).values(values))
    rig.later(rig.terms.heartbeat)
    assert await pulse.tick(rig.now) == Ticked(1)
    rig.later(rig.terms.lease)
    assert await pulse.tick(rig.now) == Ticked(1)
    assert counted == [1, 2, 1]
    assert (COORDINATOR, rig.now) in await rig.rows(SEEN)
    await pulse.leave()
    assert [row[0] for row in await rig.rows(SEEN)] == [OTHER]


async def test_three_beats_a_heartbeat(rig: Rig) -> None:
    pulse = Pulse(rig.committer, rig.terms, lambda number: None)
    assert 3 * pulse.interval == pytest.approx(rig.terms.heartbeat_seconds)
