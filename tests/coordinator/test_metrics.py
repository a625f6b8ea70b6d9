"""What a coordinator counts of its transactions."""

from __future__ import annotations

import pytest

from tenure.coordinator.coordinator import Coordinator
from tenure.coordinator.metrics import MAX_LANES, Metrics
from tenure.telemetry.meters import OTHER
from tests.coordinator.scenes import finish, lease, register, submit

pytestmark = pytest.mark.anyio


async def test_transactions_are_counted(coordinator: Coordinator) -> None:
    metrics = coordinator.metrics
    at_start = metrics.batch.total
    await submit(coordinator, 3)
    worker_id = await register(coordinator)
    await finish(coordinator, worker_id, await lease(coordinator, worker_id))
    failed = {"outcome": "failed", "error": None, "retryable": False}
    await finish(coordinator, worker_id, await lease(coordinator, worker_id), **failed)
    assert metrics.counts["submitted"] == 3
    assert (metrics.counts["completed"], metrics.counts["failed"]) == (1, 1)
    assert [labels for labels, _ in metrics.start_delay] == [("default",)]
    assert sum(metrics.start_delay.of("default").counts) == 2
    assert {labels for labels, _ in metrics.duration} == {
        ("default", "echo", "completed"), ("default", "echo", "failed"),
    }  # fmt: skip
    verbs = {labels[0]: sum(seen.counts) for labels, seen in metrics.store}
    assert verbs.keys() == {"submit", "act", "claim", "report", "transaction", "read"}
    assert verbs["report"] == 2
    assert metrics.batch.total - at_start == 3 + 1 + 2 + 2
    assert sum(metrics.batch.counts) == verbs["transaction"]


async def test_many_types_share_a_series(coordinator: Coordinator) -> None:
    metrics = Metrics()
    for number in range(MAX_LANES + 50):
        metrics.duration.of("default", f"type-{number}", "completed").observe(1)
    series = dict(metrics.duration)
    assert len(series) == MAX_LANES + 1
    assert sum(series[OTHER, OTHER, "completed"].counts) == 50


async def test_a_read_that_fails_is_not_timed(coordinator: Coordinator) -> None:
    before = sum(coordinator.metrics.store.of("read").counts)
    with pytest.raises(ZeroDivisionError):
        await coordinator.reader.run(lambda unit: 1 // 0)
    assert sum(coordinator.metrics.store.of("read").counts) == before
