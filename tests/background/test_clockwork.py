"""The coordinator's clock follows the store's; its jumps reclaim nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.background.clockwork import Clockwork
from tenure.domain.clock import SECOND, STEP, monotonic_now, wall_now
from tenure.domain.errors import InternalError
from tenure.store import tables as t
from tenure.store.sweeps import sweep
from tests.background.rig import START, Rig
from tests.builders import NOW

pytestmark = pytest.mark.anyio


class Source:
    """The store's clock: `ahead` of the coordinator's by so many microseconds. Each sample in
    turn takes one of `trips` and is off by half of it."""

    def __init__(self, rig: Rig) -> None:
        self.offset = NOW - START
        self.trips = [0]
        self.samples = 0
        self.rig = rig

    async def clock_offset(self, monotonic: Callable[[], int]) -> tuple[int, int]:
        trip = self.trips[self.samples % len(self.trips)]
        self.samples += 1
        return self.offset + trip // 2, trip


def clockwork(rig: Rig, source: Source) -> Clockwork:
    return Clockwork(source, rig.clock, rig.steadiness, rig.committer, rig.terms)


async def lease_ends(rig: Rig) -> list[Any]:
    columns = (t.active_jobs.c.lease_expires_at, t.active_jobs.c.deadline_at)
    return [tuple(row) for row in await rig.rows(sa.select(*columns))]


async def test_ten_samples_at_first_then_one_a_tick(rig: Rig) -> None:
    source = Source(rig)
    duty = clockwork(rig, source)
    assert (duty.name, duty.interval) == ("clockwork", 1.0)
    await duty.tick(rig.now)
    assert source.samples == 10
    await duty.tick(rig.now)
    assert source.samples == 11


async def test_the_quickest_round_trip_decides(rig: Rig) -> None:
    source = Source(rig)
    source.offset += 300
    source.trips = [90_000, 40, 70_000]
    await clockwork(rig, source).tick(rig.now)
    assert rig.now == NOW + 300


async def test_small_drift_is_followed_without_ado(rig: Rig) -> None:
    source = Source(rig)
    duty = clockwork(rig, source)
    await duty.tick(rig.now)
    rig.steady()
    for _ in range(5):
        source.offset += STEP // 2
        await duty.tick(rig.now)
    assert rig.now == NOW + 5 * (STEP // 2)
    assert rig.steadiness.steady(rig.monotonic)


async def test_a_sample_that_cannot_tell_changes_nothing(rig: Rig) -> None:
    source = Source(rig)
    duty = clockwork(rig, source)
    await duty.tick(rig.now)
    source.trips = [8_000]
    await duty.tick(rig.now)
    assert rig.now == NOW


async def test_slow_answers_do_not_push_the_clock_to_and_fro(rig: Rig) -> None:
    source = Source(rig)
    duty = clockwork(rig, source)
    await duty.tick(rig.now)
    for drift in (0, 60, -80, 20):
        source.offset = NOW - START + drift
        source.trips = [400_000]
        await duty.tick(rig.now)
        assert abs(rig.now - NOW) <= 60
    source.offset, source.trips = NOW - START + 900, [200]
    await duty.tick(rig.now)
    assert rig.now == NOW + 900


async def test_a_slow_answer_is_no_step(rig: Rig) -> None:
    source = Source(rig)
    duty = clockwork(rig, source)
    await duty.tick(rig.now)
    rig.steady()
    source.samples, source.trips = 0, [4 * SECOND, 100]
    await duty.tick(rig.now)
    assert rig.steadiness.steady(rig.monotonic)
    assert abs(rig.now - NOW) <= 100


@pytest.mark.parametrize("step", [3600 * SECOND, -3600 * SECOND])
async def test_a_step_rests_the_sweeper_and_mends_the_leases(rig: Rig, step: int) -> None:
    source = Source(rig)
    duty = clockwork(rig, source)
    await rig.joined()
    await rig.leased(1, timeout_seconds=60.0)
    await duty.tick(rig.now)
    rig.steady()
    source.offset += step
    source.samples = 0
    await duty.tick(rig.now)
    assert source.samples == 11
    assert rig.now == NOW + step
    assert not rig.steadiness.steady(rig.monotonic)
    [(expires_at, deadline_at)] = await lease_ends(rig)
    assert expires_at <= rig.now + rig.terms.lease
    assert deadline_at == rig.terms.deadline_at(rig.now, 60.0)
    rig.later(rig.terms.lease)
    assert await rig.run(sweep, 3, lambda: 0.5) == 1
    assert await rig.rows(sa.select(t.runs.c.outcome)) == [("lost",)]


async def test_leases_are_mended_at_the_first_tick_too(rig: Rig) -> None:
    await rig.joined()
    await rig.leased(1)
    far = NOW + 9 * rig.terms.lease
    await rig.execute(sa.update(t.active_jobs).values(lease_expires_at=far))
    await clockwork(rig, Source(rig)).tick(rig.now)
    assert await lease_ends(rig) == [(NOW + rig.terms.lease, None)]


async def test_leases_are_mended_later_when_the_store_was_away(rig: Rig) -> None:
    source = Source(rig)
    duty = clockwork(rig, source)
    await duty.tick(rig.now)
    await rig.joined()
    await rig.leased(1)
    source.offset -= 3600 * SECOND
    await rig.execute(sa.text("ALTER TABLE jobs RENAME TO jobs_away"))
    with pytest.raises(InternalError):
        await duty.tick(rig.now)
    await rig.execute(sa.text("ALTER TABLE jobs_away RENAME TO jobs"))
    await duty.tick(rig.now)
    assert await lease_ends(rig) == [(rig.now + rig.terms.lease, None)]


async def test_the_store_answers_with_its_own_clock(rig: Rig) -> None:
    offset, trip = await rig.store.clock_offset(monotonic_now)
    assert 0 <= trip < SECOND
    assert abs(monotonic_now() + offset - wall_now()) < SECOND
