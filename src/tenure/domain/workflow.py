"""Jobs that wait for jobs: the edges between them, and what becomes of who waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tenure.domain.lifecycle import JobState

MAX_NODES = 10_000
"""Jobs of one workflow, those added by running handlers included."""
MAX_PARENTS = 10_000
"""Jobs that one job may depend on."""


class Condition(StrEnum):
    """How a parent must end for its edge to be met."""

    SUCCESS = "success"
    """Completed."""
    FAILURE = "failure"
    """Failed or expired."""
    DONE = "done"
    """Any final state."""


class Join(StrEnum):
    """How the edges of a job count together."""

    ALL = "all"
    """Runs when every edge is met, is skipped at the first broken one."""
    ANY = "any"
    """Runs at the first met edge, is skipped when all are broken."""


_MET: dict[Condition, frozenset[JobState]] = {
    Condition.SUCCESS: frozenset({JobState.COMPLETED}),
    Condition.FAILURE: frozenset({JobState.FAILED, JobState.EXPIRED}),
    Condition.DONE: frozenset(JobState),
}


def met(on: Condition, parent: JobState) -> bool:
    """Whether an edge is met (else broken) by a parent in this final state."""
    return parent in _MET[on]


class Verdict(StrEnum):
    WAIT = "wait"
    RUN = "run"
    SKIP = "skip"


@dataclass(slots=True)
class Waiting:
    """A job that waits: how many of its edges are open. 0 is decided: it may run."""

    join: Join
    open: int

    def settle(self, *, is_met: bool) -> Verdict:
        """One open edge is met or broken."""
        if self.open == 0:  # `any` was met before, the other edges no longer matter
            return Verdict.WAIT
        self.open -= 1
        if is_met:
            if self.join is Join.ANY:
                self.open = 0
            return Verdict.RUN if self.open == 0 else Verdict.WAIT
        if self.join is Join.ALL or self.open == 0:
            return Verdict.SKIP
        return Verdict.WAIT


@dataclass(frozen=True, slots=True)
class Edge:
    """A job depends on another. Parents are ids."""

    parent_id: str
    on: Condition = Condition.SUCCESS


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
    """The names along one cycle, first repeated at the end; empty when there is none.

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
    return [name, *reversed(path[place[name] :])]
