"""The pruner walks finished jobs, then the other tables, and rests between its steps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.background.duty import Ticked
from tenure.background.pruner import Pruner
from tenure.domain.clock import DAY, MINUTE, SECOND
from tenure.domain.run import Outcome
from tenure.settings import Retention
from tenure.store import tables as t
from tenure.store.events import Happening, record
from tenure.store.workers import goodbye
from tests.background.rig import Rig
from tests.builders import WORKER, report

pytestmark = pytest.mark.anyio

KEPT = Retention(
    completed=timedelta(hours=1),
    failed=timedelta(hours=2),
    events=timedelta(hours=1),
    stats=timedelta(hours=1),
    idempotency_keys=timedelta(hours=1),
)


async def passes(rig: Rig, pruner: Pruner) -> int:
    """Tick until it has nothing more to do; how much it did."""
    done = 0
    for _ in range(100):
        ticked = await pruner.tick(rig.now)
        done += ticked.done
        if not ticked.more:
            return done
        assert ticked.next_at is not None
    raise AssertionError("the pruner never ends")


async def count(rig: Rig, table: sa.Table) -> int:
    [(number,)] = await rig.rows(sa.select(sa.func.count()).select_from(table))
    return int(number)


async def finished(rig: Rig, number: int, **told: Any) -> list[str]:
    jobs = await rig.leased(number)
    await rig.committer.report([report(job_id, **told) for job_id in jobs])
    return jobs


async def test_jobs_go_by_state_and_age(rig: Rig) -> None:
    pruner = Pruner(rig.committer, rig.reader, rig.clock, KEPT)
    assert (pruner.name, pruner.interval) == ("pruner", 60.0)
    await rig.joined()
    await finished(rig, 600)
    assert await passes(rig, pruner) == 0
    rig.later(60 * MINUTE + SECOND)
    fresh = await finished(rig, 2)
    assert await passes(rig, pruner) >= 600
    assert [row[0] for row in await rig.rows(sa.select(t.jobs.c.id))] == sorted(fresh)
    assert await count(rig, t.runs) == 2


async def test_a_job_with_much_to_delete_takes_several_ticks(rig: Rig) -> None:
    pruner = Pruner(rig.committer, rig.reader, rig.clock, KEPT)
    await rig.joined()
    (job_id,) = await finished(rig, 1)
    for _ in range(3):
        await rig.run(record, [Happening("noted", job_id)] * 400)
    rig.later(2 * 60 * MINUTE)
    ticked = await pruner.tick(rig.now)
    assert (ticked.done, ticked.more, await count(rig, t.events)) == (0, True, 700)
    await passes(rig, pruner)
    assert (await count(rig, t.events), await count(rig, t.jobs)) == (0, 0)


async def test_other_tables_go_by_age(rig: Rig) -> None:
    pruner = Pruner(rig.committer, rig.reader, rig.clock, KEPT)
    await rig.joined()
    await rig.run(goodbye, WORKER)
    for _ in range(2):
        await rig.run(record, [Happening("noted")] * 400)
    rig.later(60 * MINUTE + SECOND)
    await rig.run(record, [Happening("later")])
    assert await passes(rig, pruner) == 800
    assert (await count(rig, t.events), await count(rig, t.workers)) == (1, 1)
    rig.later(DAY)
    assert await passes(rig, pruner) >= 2
    assert (await count(rig, t.events), await count(rig, t.workers)) == (0, 0)


async def test_it_rests_twice_as_long_as_a_step_took(rig: Rig) -> None:
    pruner = Pruner(rig.committer, rig.reader, rig.clock, KEPT)
    ticked = await pruner.tick(rig.now)
    assert ticked == Ticked(0, more=True, next_at=rig.now)


async def test_failed_jobs_beyond_the_most_that_are_kept_go(rig: Rig) -> None:
    few = Retention(max_failed=3)
    pruner = Pruner(rig.committer, rig.reader, rig.clock, few)
    await rig.joined()
    await finished(rig, 600, outcome=Outcome.FAILED, retryable=False)
    await finished(rig, 5)
    assert await passes(rig, pruner) >= 597
    assert await count(rig, t.jobs) == 8
