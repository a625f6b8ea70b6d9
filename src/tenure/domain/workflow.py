"""Workflows: their state and their graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tenure.domain.lifecycle import JobState

MAX_NODES = 10_000
"""Jobs of one workflow, those added by running handlers included."""
MAX_EDGES = 100_000
"""Dependencies of the jobs of one workflow as submitted."""


@dataclass(frozen=True, slots=True)
class NewWorkflow:
    """A checked workflow on its way to the store; its jobs travel beside it."""

    id: str
    name: str | None
    owner_id: str | None


class WorkflowState(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


def workflow_state(counts: Mapping[str, int], total: int) -> WorkflowState:
    """The state of a workflow from the number of its jobs in each final state."""
    if sum(counts.values()) < total:
        return WorkflowState.RUNNING
    if counts.get(JobState.FAILED) or counts.get(JobState.EXPIRED):
        return WorkflowState.FAILED
    if counts.get(JobState.CANCELLED):
        return WorkflowState.CANCELLED
    return WorkflowState.COMPLETED


def find_cycle(parents: Mapping[str, Iterable[str]]) -> list[str]:
    """The names along one cycle, each depending on the next, the first repeated at the end; empty
    when there is none.

    `parents` holds every name with those it depends on.
    """
    left = {name: list(above) for name, above in parents.items()}
    children: dict[str, list[str]] = {name: [] for name in left}
    for name, above in left.items():
        for parent in above:
            children[parent].append(name)
    degree = {name: len(above) for name, above in left.items()}
    free = [name for name, number in degree.items() if number == 0]
    while free:
        for child in children[free.pop()]:
            degree[child] -= 1
            if degree[child] == 0:
                free.append(child)
    held = {name for name, number in degree.items() if number}
    if not held:
        return []
    # Every held name has a held parent: walking up must come round.
    path: list[str] = []
    place: dict[str, int] = {}
    name = min(held)
    while name not in place:
        place[name] = len(path)
        path.append(name)
        name = min(parent for parent in left[name] if parent in held)
    return [*path[place[name] :], name]
