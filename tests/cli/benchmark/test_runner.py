from __future__ import annotations

import pytest

from tenure.cli.benchmark import plan, runner
from tenure.domain.errors import InvalidInput


def test_groups_by_figure_and_by_name_in_running_order() -> None:
    assert runner.groups_of(["idle", "drain_jobs_per_second"]) == ("bulk", "idle")
    assert runner.groups_of([]) == plan.GROUPS


def test_unknown_name_is_told() -> None:
    with pytest.raises(InvalidInput, match="cycles is neither"):
        runner.groups_of(["cycles"])
