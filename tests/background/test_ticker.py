"""The ticker writes only when a schedule is due, and says when that is next."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from tenure.background.duty import Ticked
from tenure.background.ticker import Ticker
from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.ids import IdSource
from tenure.store import schedules
from tenure.store import tables as t
from tenure.store import tables_schedules as s
from tenure.store.control import Action
from tenure.store.schedule_rows import encode_rules, encode_template
from tenure.store.unit import Unit
from tests.background.rig import Rig
from tests.background.test_duties import Running
from tests.builders import NOW, new_schedule
from tests.postgres import PostgresServer

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


async def test_two_coordinators_under_restarts_fire_each_time_once(
    postgres_server: PostgresServer,
) -> None:
    """200 schedules of every second; one of the two coordinators is always about to stop."""
    url = postgres_server.url(name := postgres_server.create())
    first = Running(url)
    async with first.running():
        for id_ in IdSource().make(first.here.clock.now(), 200):
            new = new_schedule(id=id_, every=SECOND)
            await first.here.committer.run(partial(schedules.create, new=new, action=Action()))
    async with asyncio.timeout(240):
        while await fired(url) < 800:
            one, other = Running(url), Running(url)
            async with one.running():
                async with other.running():
                    before = await fired(url)
                    while await fired(url) < before + 150:
                        await asyncio.sleep(0.01)
                while await fired(url) < before + 300:
                    await asyncio.sleep(0.01)
    rows, jobs = await ledger(url)
    postgres_server.drop(name)
    spans: dict[str, list[tuple[int, int, int]]] = {}
    for schedule_id, nominal_at, until_at, count in rows:
        spans.setdefault(schedule_id, []).append((nominal_at, until_at, count))
    assert len(spans) == 200
    for found in spans.values():
        # No time twice and none left out: each row goes on where the former one ended.
        assert {after[0] - before[1] for before, after in pairwise(found)} <= {SECOND}
        assert all((until - at) // SECOND + 1 == count for at, until, count in found)
    assert len(jobs) == len(set(jobs))
    assert len(jobs) >= 800


@pytest.mark.soak
@pytest.mark.parametrize("idle", [0, 100_000])
async def test_ten_thousand_due_at_once(database_url: str, store_kind: str, idle: int) -> None:
    """Prints how late they fire, and what a tick costs beside so many idle ones."""
    there = Running(database_url)
    late: list[int] = []
    due = 0

    def heard(unit: Unit) -> None:
        late.extend([there.here.clock.now() - due] * unit.ready["default", "echo"])

    async with there.running():
        await many(there, idle, there.here.clock.now() + 10_000 * MINUTE)
        ticker = Ticker(there.here.committer, there.here.reader)
        spans = []
        for _ in range(300):
            begun = time.perf_counter()
            await ticker.tick(there.here.clock.now())
            spans.append(time.perf_counter() - begun)
        there.here.on_commit(heard)
        due = (there.here.clock.now() // SECOND + 4) * SECOND
        await many(there, 10_000, due)
        async with asyncio.timeout(120):
            while len(late) < 10_000:
                await asyncio.sleep(0.05)
        jobs = await there.here.store.read(
            lambda conn: conn.execute(sa.select(t.jobs.c.schedule_id)).all()
        )
    p50, p99 = sorted(late)[5_000] // 1_000, sorted(late)[9_900] // 1_000
    print(f"{store_kind}, {idle} idle: a tick {1e6 * median(spans):.0f} us;", end=" ")
    print(f"late by p50 {p50} ms, p99 {p99} ms; load {os.getloadavg()[0]:.1f}")
    assert len({row[0] for row in jobs}) == len(jobs) == 10_000


async def many(there: Running, count: int, at: int) -> None:
    """Schedules that are due together."""
    rules = encode_rules(new_schedule(cron="* * * * *", end_at=at).rules)
    alike: dict[str, Any] = {
        "rules": rules, "created_at": NOW, "version": 1, "next_nominal_at": at,
        "next_fire_at": at, **encode_template(new_schedule().template),
    }  # fmt: skip
    ids = IdSource().make(there.here.clock.now(), count)
    for start in range(0, count, 10_000):
        rows = [{"id": id_} | alike for id_ in ids[start : start + 10_000]]

        def insert(unit: Unit, rows: list[Any] = rows) -> None:
            unit.conn.execute(sa.insert(s.schedules), rows)
            unit.fire_at(at)

        await there.here.committer.run(insert)


async def fired(url: str) -> int:
    """How many jobs the schedules have."""
    [(number,)] = await read(url, sa.select(sa.func.count()).select_from(t.jobs))
    return int(number)


async def ledger(url: str) -> tuple[list[Any], list[tuple[str, int]]]:
    """All rows of the ledger in order, and (schedule, nominal time) of every job."""
    c, j = s.fires.c, t.jobs.c
    rows = sa.select(c.schedule_id, c.nominal_at, c.until_at, c["count"])
    jobs = await read(url, sa.select(j.schedule_id, j.nominal_at))
    found = await read(url, rows.order_by(c.schedule_id, c.nominal_at))
    return found, [(row[0], row[1]) for row in jobs]


async def read(url: str, statement: sa.Select[Any]) -> list[Any]:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    async with engine.connect() as conn:
        rows = list((await conn.execute(statement)).all())
    await engine.dispose()
    return rows
