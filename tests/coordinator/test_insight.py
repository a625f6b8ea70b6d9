"""Numbers answered from memory."""

from __future__ import annotations

import pytest

from tenure.coordinator.coordinator import Coordinator
from tenure.coordinator.insight import Insight
from tenure.domain.access import LOCAL_ADMIN
from tenure.domain.clock import SECOND, Clock
from tenure.store.reader import Reader
from tests.coordinator.scenes import finish, lease, register, submit

pytestmark = pytest.mark.anyio


async def test_the_first_question_takes_the_first_snapshot(coordinator: Coordinator) -> None:
    await submit(coordinator, 3)
    stats = await coordinator.insight.stats()
    assert stats.active == {"scheduled": 0, "blocked": 0, "pending": 3, "paused": 0, "running": 0}
    assert [(c.queue, c.type, c.status, c.count) for c in stats.by_queue] == [
        ("default", "echo", "pending", 3)
    ]
    assert stats.totals == dict.fromkeys(stats.totals, 0) | {"submitted": 3}
    assert len(stats.minutes) == 60
    assert stats.minutes[-1].submitted + stats.minutes[-2].submitted == 3


async def test_numbers_stand_until_they_are_refreshed(coordinator: Coordinator) -> None:
    insight = Insight(coordinator.reader, coordinator.clock)
    assert (await insight.autoscale("default")).demand == 0
    await submit(coordinator, 2)
    assert (await insight.autoscale("default")).demand == 0
    await insight.refresh()
    assert (await insight.stats()).totals["submitted"] == 2


class SlowClock(Clock):
    """Every reading is `step` microseconds after the one before."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.reading = 0
        super().__init__(self._tick)

    def _tick(self) -> int:
        self.reading += self.step
        return self.reading


async def test_counting_takes_at_most_two_percent_of_the_time(coordinator: Coordinator) -> None:
    await submit(coordinator, 1)
    clock = SlowClock(SECOND)
    insight = Insight(Reader(coordinator.store, coordinator.clock), clock)
    for _ in range(2):
        await insight.refresh()  # each count took one second
    await submit(coordinator, 1)
    for _ in range(40):
        await insight.refresh()
        stats = await insight.stats()
        assert (stats.active["pending"], stats.totals["submitted"]) == (1, 2)
    for _ in range(20):
        await insight.refresh()
    assert (await insight.stats()).active["pending"] == 2


async def test_one_slow_count_does_not_make_the_numbers_old(coordinator: Coordinator) -> None:
    clock = SlowClock(1)
    insight = Insight(Reader(coordinator.store, coordinator.clock), clock)
    for step in (60 * SECOND, 1, 60 * SECOND, 1):
        clock.step = step
        await insight.refresh()
        clock.step = SECOND  # until the next
        clock.monotonic()
        await submit(coordinator, 1)
        before = (await insight.stats()).active["pending"]
        clock.step = 1
        await insight.refresh()
        assert (await insight.stats()).active["pending"] == before + 1


async def test_queues_and_autoscale(coordinator: Coordinator) -> None:
    await submit(coordinator, 3)
    await submit(coordinator, 1, queue="mail")
    worker = await register(coordinator, slots=2, queues=("default", "idle"))
    await lease(coordinator, worker)
    await coordinator.insight.refresh()
    found = await coordinator.insight.queues()
    queues = [found[name] for name in sorted(found)]
    assert [(q.name, q.counts["pending"], q.counts["running"], q.workers) for q in queues] == [
        ("default", 2, 1, 1),
        ("idle", 0, 0, 1),
        ("mail", 1, 0, 0),
    ]
    ages = [queue.oldest_pending_seconds for queue in queues]
    assert ages[1] is None
    assert all(age is not None and 0 <= age < 60 for age in (ages[0], ages[2]))
    scale = await coordinator.insight.autoscale("default")
    assert (scale.demand, scale.pending, scale.running) == (3, 2, 1)
    assert (scale.slots, scale.workers) == (2, 1)
    nobody = await coordinator.insight.autoscale("nobody")
    assert (nobody.demand, nobody.slots, nobody.workers) == (0, 0, 0)


async def test_totals_follow_a_job_to_its_end(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1)
    worker = await register(coordinator)
    await finish(coordinator, worker, await lease(coordinator, worker))
    await coordinator.control.retry(job_id, LOCAL_ADMIN)
    await coordinator.control.cancel(job_id, LOCAL_ADMIN)
    await coordinator.insight.refresh()
    stats = await coordinator.insight.stats()
    seen = {name: number for name, number in stats.totals.items() if number}
    assert seen == {"submitted": 1, "completed": 1, "retried": 1, "cancelled": 1}
    assert stats.last_hour == stats.totals
    assert stats.start_delay_seconds["p50"] is not None
    assert stats.duration_seconds["p99"] is not None
