from __future__ import annotations

import pytest

from tenure.domain.workflow import WorkflowState, find_cycle, workflow_state


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ({"completed": 2}, WorkflowState.RUNNING),
        ({"completed": 3}, WorkflowState.COMPLETED),
        ({"completed": 2, "skipped": 1}, WorkflowState.COMPLETED),
        ({"completed": 1, "failed": 1, "cancelled": 1}, WorkflowState.FAILED),
        ({"completed": 2, "expired": 1}, WorkflowState.FAILED),
        ({"completed": 2, "cancelled": 1}, WorkflowState.CANCELLED),
    ],
)
def test_a_workflow_is_what_its_jobs_are(counts: dict[str, int], state: WorkflowState) -> None:
    assert workflow_state(counts, 3) is state


def test_a_cycle_is_named_in_the_order_of_dependence() -> None:
    graph = {"a": [], "b": ["a", "d"], "c": ["b"], "d": ["c"], "e": ["d"]}
    assert find_cycle(graph) == ["b", "d", "c", "b"]
    assert find_cycle({"a": ["a"]}) == ["a", "a"]
    assert find_cycle({"a": [], "b": ["a"], "c": ["a", "b"]}) == []


def test_a_long_chain_is_no_cycle() -> None:
    keys = [f"n{number}" for number in range(10_000)]
    chain = {key: keys[place - 1 : place] for place, key in enumerate(keys)}
    assert find_cycle(chain) == []
