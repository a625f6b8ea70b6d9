"""Jobs that wait for jobs: the edges between them, and what becomes of who waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tenure.domain.lifecycle import JobState

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


@dataclass(frozen=True, slots=True)
class Edge:
    """A job depends on another. Parents are ids."""

    parent_id: str
    on: Condition = Condition.SUCCESS


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


def standing(join: Join, parents: Iterable[tuple[Condition, JobState | None]]) -> int | None:
    """How many jobs one waits for, from its edges and the final states of its parents (None: not
    ended). None when it cannot run: it is skipped."""
    open_, good, broken = 0, 0, 0
    for on, state in parents:
        if state is None:
            open_ += 1
        elif met(on, state):
            good += 1
        else:
            broken += 1
    if join is Join.ANY:
        if good:
            return 0
        return open_ or None
    return None if broken else open_


def forgiven(join: Join, parents: Iterable[tuple[Condition, JobState | None]]) -> int:
    """As `standing` for a job that a person runs again: broken edges no longer count."""
    known = [(on, state) for on, state in parents if state is None or met(on, state)]
    return standing(join, known) or 0
