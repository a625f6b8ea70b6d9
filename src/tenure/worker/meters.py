"""What a worker counts for its own metrics (`tenure worker --metrics-port`)."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from tenure.domain.histogram import BOUNDS_SECONDS
from tenure.telemetry.meters import Histograms
from tenure.worker.holding import Holding
from tenure.worker.membership import Membership

MAX_TYPES = 50


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the numbers of a running worker stand."""

    holding: Holding
    membership: Membership


class WorkerMeters:
    """For any thread. `parts` is there while the worker runs."""

    def __init__(self) -> None:
        self.parts: Parts | None = None
        self.runs = Histograms(BOUNDS_SECONDS, MAX_TYPES, open_labels=1)
        self.polls: Counter[str] = Counter()
        self._writing = threading.Lock()

    def ran(self, type_: str, outcome: str, seconds: float) -> None:
        """A handler ended."""
        with self._writing:
            self.runs.of(type_, outcome).observe(seconds)

    def polled(self, leases: int | None) -> None:
        """A poll brought leases or none; None: it failed."""
        with self._writing:
            self.polls["failed" if leases is None else "leases" if leases else "empty"] += 1
