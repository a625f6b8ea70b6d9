"""How much work each measurement does."""

from __future__ import annotations

from dataclasses import asdict, dataclass

GROUPS = ("cycle", "bulk", "single", "latency", "claims", "idle")
"""The measurements, in the order they run. `bulk` gives the bulk submit and drain figures."""

NOOP = "bench.noop"
"""The type whose handler does nothing."""
START = "bench.start"
"""The type whose handler tells when it began."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts behind the figures; printed with them."""

    cycle_jobs: int = 100_000
    bulk_jobs: int = 100_000
    jobs_per_request: int = 500
    requests_in_flight: int = 4
    payload_bytes: int = 100
    worker_slots: int = 500
    warm_up_jobs: int = 10_000
    single_jobs: int = 20_000
    single_clients: int = 32
    latency_samples: int = 1_000
    latency_warm_up: int = 100
    claims: int = 200
    claim_size: int = 100
    claim_few_pending: int = 1_000
    claim_many_pending: int = 1_000_000
    idle_workers: int = 1_000
    idle_seconds: float = 30.0
    repeat: int = 5

    def as_dict(self) -> dict[str, float]:
        """Name to count."""
        return asdict(self)


FULL = Counts()
QUICK = Counts(
    cycle_jobs=20_000,
    bulk_jobs=20_000,
    warm_up_jobs=4_000,
    single_jobs=2_500,
    latency_samples=120,
    latency_warm_up=20,
    claims=50,
    claim_many_pending=100_000,
    idle_seconds=4.0,
    repeat=3,
)
