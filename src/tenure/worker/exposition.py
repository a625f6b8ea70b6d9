"""A worker's own metrics over HTTP, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Metric, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from tenure.domain.errors import ConfigurationError
from tenure.worker.meters import WorkerMeters

_POLLS = ("leases", "empty", "failed")


class _Worker(Collector):
    def __init__(self, meters: WorkerMeters) -> None:
        self._meters = meters

    def collect(self) -> Iterator[Metric]:
        meters = self._meters
        runs = HistogramMetricFamily(
            "tenure_worker_run_seconds",
            "From when a handler was called to when it ended.",
            labels=["type", "outcome"],
        )
        for labels, histogram in list(meters.runs):
            runs.add_metric(list(labels), histogram.cumulative(), histogram.total)
        yield runs
        polls = CounterMetricFamily(
            "tenure_worker_polls", "Polls for leases, by what they brought.", labels=["result"]
        )
        for result in _POLLS:
            polls.add_metric([result], meters.polls[result])
        yield polls
        if meters.parts is not None:
            holding, membership = meters.parts.holding, meters.parts.membership
            free = max(holding.free, 0)
            slots = GaugeMetricFamily(
                "tenure_worker_own_slots", "Slots of this worker.", labels=["state"]
            )
            slots.add_metric(["busy"], holding.slots - free)
            slots.add_metric(["free"], free)
            yield slots
            yield CounterMetricFamily(
                "tenure_worker_registrations",
                "Times this worker registered; more than one: it was forgotten or came back.",
                membership.registrations,
            )
            yield CounterMetricFamily(
                "tenure_worker_call_failures",
                "Calls to the coordinator that failed and were tried again.",
                membership.failures,
            )


@contextmanager
def exposed(meters: WorkerMeters, host: str, port: int) -> Iterator[int]:
    """Serve metrics inside this block, from a thread; the port, which 0 leaves to the system.

    Raises ConfigurationError when the port is taken.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Worker(meters))
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise ConfigurationError(
            f"metrics_port: cannot listen on {host}:{port}: {error.strerror}"
        ) from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
