"""`GET /metrics`: what Prometheus reads, made of numbers in memory.

Gauges are of the store: every coordinator shows the same. Counters and histograms are of this
coordinator since its start: what several show is to be added up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from tenure import __version__
from tenure.coordinator.insight import Snapshot
from tenure.coordinator.metrics import Metrics
from tenure.domain.clock import SECOND
from tenure.domain.job import DEFAULT_QUEUE
from tenure.domain.lifecycle import ACTIVE, TERMINAL, JobState
from tenure.telemetry.meters import Histogram

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_ACTIVE = tuple(state.value for state in JobState if state in ACTIVE)
_SERVING = ("online", "draining")
_SUFFIXES = {"counter": "_total", "info": "_info"}
_KINDS = {"info": "gauge"}
_RESULTS = ("delivered", "retried", "failed")
_PLAIN_COUNTERS = (
    ("submitted", "jobs_submitted", "Jobs submitted."),
    ("retried", "job_retries", "Runs that failed and go on, and finished jobs that were retried."),
    ("leases_expired", "leases_expired", "Leases that ran out and were reclaimed."),
    ("stale_reports", "stale_reports", "Reports refused because their lease had ended."),
    ("schedules_missed", "schedules_missed", "Times of schedules that passed without a fire."),
    ("pruned", "jobs_deleted", "Finished jobs that retention deleted."),
)


def expose(metrics: Metrics, snapshot: Snapshot | None, *, up: bool, store: str, now: int) -> bytes:
    """The text, of the type CONTENT_TYPE.

    `store` is the kind of database, `now` the coordinator's clock (microseconds). Without a
    snapshot the numbers of the store are left out.
    """
    families = *_coordinator(metrics, up, store), *_store(metrics, snapshot, now)
    return "".join(line for family in families for line in _lines(family)).encode()


def _lines(family: Metric) -> Iterator[str]:
    """As the library's own encoder, which looks at every name and label again each time and takes
    several times as long."""
    name = family.name + _SUFFIXES.get(family.type, "")
    kind = _KINDS.get(family.type, family.type)
    yield f"# HELP {name} {family.documentation}\n# TYPE {name} {kind}\n"
    for sample in family.samples:
        if sample.labels:
            labels = ",".join([f'{key}="{_escaped(text)}"' for key, text in sample.labels.items()])
            yield f"{sample.name}{{{labels}}} {sample.value}\n"
        else:
            yield f"{sample.name} {sample.value}\n"


def _escaped(text: str) -> str:
    if text.isidentifier():  # most are, and need no second look
        return text
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _coordinator(metrics: Metrics, up: bool, store: str) -> Iterator[Metric]:
    info = InfoMetricFamily("tenure", "Version of this coordinator and kind of its store.")
    info.add_metric([], {"store": store, "version": __version__})
    yield info
    yield _gauge("store_up", "Whether the store could be read and written lately.", int(up))
    for measure, name, text in _PLAIN_COUNTERS:
        yield CounterMetricFamily(f"tenure_{name}", text, metrics.counts[measure])
    finished = CounterMetricFamily("tenure_jobs_finished", "Jobs that ended.", labels=["outcome"])
    for state in sorted(TERMINAL):
        finished.add_metric([state.value], metrics.counts[state.value])
    yield finished
    delivered = CounterMetricFamily(
        "tenure_webhook_deliveries", "Attempts to deliver a notification.", labels=["result"]
    )
    for result in _RESULTS:
        delivered.add_metric([result], metrics.deliveries[result])
    yield delivered
    yield from _histograms(metrics)


def _histograms(metrics: Metrics) -> Iterator[Metric]:
    alone = [((), metrics.fire_delay)], [((), metrics.batch)]
    for name, text, labels, series in (
        (
            "job_start_delay_seconds",
            "From when a job could run to when a worker got it.",
            ["queue"],
            metrics.start_delay,
        ),
        (
            "job_duration_seconds",
            "From when a worker got a job to its report.",
            ["queue", "type", "outcome"],
            metrics.duration,
        ),
        ("schedule_fire_delay_seconds", "From when a fire was due to its job.", [], alone[0]),
        ("store_seconds", "Time of the store's verbs and whole transactions.", ["verb"],
         metrics.store),
        ("commit_batch_size", "Rows that callers asked for in one transaction.", [], alone[1]),
        ("duty_seconds", "Time of one tick of a duty.", ["duty"], metrics.duty),
    ):  # fmt: skip
        family = HistogramMetricFamily(f"tenure_{name}", text, labels=labels)
        for values, histogram in series:
            _add(family, values, histogram)
        yield family


def _add(family: HistogramMetricFamily, labels: Sequence[str], histogram: Histogram) -> None:
    family.add_metric(list(labels), histogram.cumulative(), histogram.total)


def _store(metrics: Metrics, snapshot: Snapshot | None, now: int) -> Iterator[Metric]:
    if snapshot is None:
        return
    metrics.queues.admit(DEFAULT_QUEUE)
    counts: Counter[tuple[str, str]] = Counter()
    oldest: dict[str, int] = {}
    for row in snapshot.counts:
        queue = metrics.queues.admit(row.queue)
        counts[queue, row.state] += row.count
        if row.state == JobState.PENDING:
            oldest[queue] = min(row.oldest, oldest.get(queue, row.oldest))
    queues = dict.fromkeys([*metrics.queues, *(queue for queue, _ in counts)])
    jobs = GaugeMetricFamily("tenure_jobs", "Unfinished jobs.", labels=["queue", "state"])
    age = GaugeMetricFamily(
        "tenure_queue_oldest_pending_seconds",
        "How long the oldest pending job of a queue could have run; 0 when none is pending.",
        labels=["queue"],
    )
    for queue in queues:
        for state in _ACTIVE:
            jobs.add_metric([queue, state], counts[queue, state])
        age.add_metric([queue], max(now - oldest.get(queue, now), 0) / SECOND)
    yield jobs
    yield age
    yield from _fleet(snapshot, now)


def _fleet(snapshot: Snapshot, now: int) -> Iterator[Metric]:
    crowds = {crowd.state: crowd for crowd in snapshot.fleet}
    workers = GaugeMetricFamily("tenure_workers", "Workers.", labels=["state"])
    for state in (*_SERVING, "lost"):
        workers.add_metric([state], crowds[state].workers if state in crowds else 0)
    serving = [crowds[state] for state in _SERVING if state in crowds]
    online = crowds.get("online")
    slots = GaugeMetricFamily(
        "tenure_worker_slots",
        "Slots of the workers that serve: busy ones hold a lease, free ones can take one.",
        labels=["state"],
    )
    slots.add_metric(["busy"], sum(crowd.leases for crowd in serving))
    slots.add_metric(["free"], 0 if online is None else max(online.slots - online.leases, 0))
    quietest = min((crowd.quietest for crowd in serving), default=now)
    yield workers
    yield slots
    yield _gauge(
        "worker_heartbeat_age_seconds",
        "Time since the worker was heard of that has been silent longest, of those that serve.",
        max(now - quietest, 0) / SECOND,
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"tenure_{name}", text, value)
