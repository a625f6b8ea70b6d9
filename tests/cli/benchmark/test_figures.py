from __future__ import annotations

import pytest

from tenure.cli.benchmark import figures, plan, runner


def test_median() -> None:
    assert figures.median([3, 1, 2]) == 2
    assert figures.median([4, 1, 2, 3]) == 2.5
    with pytest.raises(ValueError, match="value"):
        figures.median([])


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (100, 100)])
def test_percentile(percent: float, value: float) -> None:
    assert figures.percentile(list(range(100, 0, -1)), percent) == value


def test_percentile_of_one_and_of_none() -> None:
    assert figures.percentile([7.0], 99) == 7.0
    with pytest.raises(ValueError, match="value"):
        figures.percentile([], 50)


@pytest.mark.parametrize(
    ("value", "shown"), [(0, 0), (41_234.56, 41_235), (1.23456, 1.235), (0.0123456, 0.01235)]
)
def test_rounded(value: float, shown: float) -> None:
    assert figures.rounded(value) == shown


def test_every_figure_belongs_to_a_measurement_and_each_gives_one() -> None:
    assert {figure.group for figure in figures.FIGURES} == set(plan.GROUPS)
    assert set(runner.MEASUREMENTS) == set(plan.GROUPS)


def test_targets_are_floors_or_ceilings() -> None:
    by_name = {figure.name: figure for figure in figures.FIGURES}
    cycle = by_name["cycle_jobs_per_second"]
    assert cycle.reached(40_000, "sqlite") is True
    assert cycle.reached(39_999, "sqlite") is False
    assert cycle.reached(24_000, "postgres") is True
    latency = by_name["start_latency_p50_ms"]
    assert latency.reached(2, "sqlite") is True
    assert latency.reached(2.1, "sqlite") is False
    assert by_name["drain_jobs_per_second"].reached(1, "postgres") is None
