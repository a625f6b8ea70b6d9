"""The text for Prometheus."""

from __future__ import annotations

import shutil
import subprocess

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

from tenure.coordinator.exposition import expose
from tenure.coordinator.insight import Snapshot
from tenure.coordinator.metrics import MAX_QUEUES, Metrics
from tenure.domain.clock import SECOND
from tenure.store.census import Crowd
from tenure.store.insight import ActiveCount

NOW = 1_000 * SECOND
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: bytes) -> Samples:
    """The value of each sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def shown(metrics: Metrics, snapshot: Snapshot | None, *, up: bool = True) -> Samples:
    return read(expose(metrics, snapshot, up=up, store="sqlite", now=NOW))


def sample(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def busy() -> Metrics:
    metrics = Metrics()
    metrics.counts.update(submitted=7, completed=4, retried=2, stale_reports=1)
    metrics.start_delay.of("default").add({0: 3, 4: 1}, 0.5)
    metrics.duration.of("default", "echo", "completed").add({17: 1}, 9_000)
    metrics.store.of("claim").observe(0.002)
    metrics.duty.of("sweeper").observe(0.001)
    metrics.deliveries["delivered"] += 3
    return metrics


COUNTS = (
    ActiveCount("default", "echo", "pending", 3, NOW - 20 * SECOND),
    ActiveCount("default", "other", "pending", 2, NOW - 50 * SECOND),
    ActiveCount("mail", "echo", "running", 1, NOW - 90 * SECOND),
)
FLEET = (
    Crowd("online", 2, 10, 3, NOW - 4 * SECOND),
    Crowd("draining", 1, 5, 1, NOW - 2 * SECOND),
    Crowd("lost", 1, 5, 2, NOW - 900 * SECOND),
)


def test_counters_and_histograms() -> None:
    found = shown(busy(), None)
    assert sample(found, "tenure_jobs_submitted_total") == 7
    assert sample(found, "tenure_jobs_finished_total", outcome="completed") == 4
    assert sample(found, "tenure_jobs_finished_total", outcome="failed") == 0
    assert sample(found, "tenure_job_retries_total") == 2
    assert sample(found, "tenure_leases_expired_total") == 0
    delay = "tenure_job_start_delay_seconds"
    assert sample(found, f"{delay}_bucket", queue="default", le="0.005") == 3
    assert sample(found, f"{delay}_bucket", queue="default", le="7200.0") == 4
    assert sample(found, f"{delay}_sum", queue="default") == 0.5
    lane = {"queue": "default", "type": "echo", "outcome": "completed"}
    assert sample(found, "tenure_job_duration_seconds_bucket", **lane, le="7200.0") == 0
    assert sample(found, "tenure_job_duration_seconds_count", **lane) == 1
    assert sample(found, "tenure_webhook_deliveries_total", result="delivered") == 3
    assert sample(found, "tenure_webhook_deliveries_total", result="failed") == 0
    assert not any(name == "tenure_jobs" for name, _ in found)


def test_gauges_of_the_store() -> None:
    found = shown(Metrics(), Snapshot(NOW, COUNTS, fleet=FLEET))
    assert sample(found, "tenure_jobs", queue="default", state="pending") == 5
    assert sample(found, "tenure_jobs", queue="default", state="running") == 0
    assert sample(found, "tenure_jobs", queue="mail", state="running") == 1
    assert sample(found, "tenure_queue_oldest_pending_seconds", queue="default") == 50
    assert sample(found, "tenure_queue_oldest_pending_seconds", queue="mail") == 0
    assert [sample(found, "tenure_workers", state=s) for s in ("online", "draining", "lost")] == [
        2, 1, 1,
    ]  # fmt: skip
    assert sample(found, "tenure_worker_slots", state="busy") == 4
    assert sample(found, "tenure_worker_slots", state="free") == 7
    assert sample(found, "tenure_worker_heartbeat_age_seconds") == 4


def test_an_empty_store_has_zeros() -> None:
    found = shown(Metrics(), Snapshot(NOW))
    assert sample(found, "tenure_jobs", queue="default", state="pending") == 0
    assert sample(found, "tenure_worker_slots", state="free") == 0
    assert sample(found, "tenure_worker_heartbeat_age_seconds") == 0


def test_a_queue_that_ran_empty_stays_with_zeros() -> None:
    metrics = Metrics()
    shown(metrics, Snapshot(NOW, COUNTS))
    assert sample(shown(metrics, Snapshot(NOW)), "tenure_jobs", queue="mail", state="running") == 0


def test_queues_beyond_the_bound_are_added_up() -> None:
    counts = tuple(ActiveCount(f"q{n}", "echo", "pending", 1, NOW - n) for n in range(1_000))
    found = shown(Metrics(), Snapshot(NOW, counts))
    queues = {dict(labels)["queue"] for name, labels in found if name == "tenure_jobs"}
    assert len(queues) == MAX_QUEUES + 1
    assert sample(found, "tenure_jobs", queue="other", state="pending") == 1_001 - MAX_QUEUES
    total = sum(value for (name, _), value in found.items() if name == "tenure_jobs")
    assert total == 1_000


def test_the_store_may_be_away() -> None:
    found = shown(Metrics(), None, up=False)
    assert sample(found, "tenure_store_up") == 0
    [info] = [labels for name, labels in found if name == "tenure_info"]
    assert dict(info).keys() == {"version", "store"}


def test_it_reads_as_the_library_writes_it() -> None:
    metrics = busy()
    strange = 'a "queue"\\n\n\\'
    metrics.start_delay.of(strange).observe(0.25)
    text = expose(metrics, Snapshot(NOW, COUNTS, fleet=FLEET), up=True, store="sqlite", now=NOW)
    families = list(text_string_to_metric_families(text.decode()))

    class Again(Collector):
        def collect(self) -> list[Metric]:
            return families

    registry = CollectorRegistry()
    registry.register(Again())
    assert read(generate_latest(registry)) == read(text)
    assert sample(read(text), "tenure_job_start_delay_seconds_sum", queue=strange) == 0.25


def test_there_is_a_bound_on_the_number_of_series() -> None:
    metrics = Metrics()
    for number in range(1_000):
        metrics.start_delay.of(f"q{number}").observe(1)
        metrics.duration.of(f"q{number}", "echo", "completed").observe(1)
    counts = tuple(ActiveCount(f"q{n}", "echo", "pending", 1, NOW - n) for n in range(1_000))
    text = expose(metrics, Snapshot(NOW, counts, fleet=FLEET), up=True, store="x", now=NOW)
    assert 2_000 < len(read(text)) < 2_500


def test_promtool_finds_nothing_to_say() -> None:
    program = shutil.which("promtool")
    assert program is not None, "run deploy/bootstrap.sh promtool"
    text = expose(busy(), Snapshot(NOW, COUNTS, fleet=FLEET), up=True, store="x", now=NOW)
    done = subprocess.run([program, "check", "metrics"], input=text, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
