"""The one error of the benchmark."""

from __future__ import annotations

from tenure.domain.errors import TenureError


class BenchmarkError(TenureError):
    """A measurement could not be made; `detail` says why in plain words."""

    code = "benchmark_failed"
    title = "Benchmark failed"
