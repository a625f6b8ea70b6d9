"""Operations: one action on every job that a filter shows."""

from __future__ import annotations

from enum import StrEnum

from tenure.domain.lifecycle import ACTIVE, TERMINAL, JobState


class BulkAction(StrEnum):
    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"
    REQUEUE = "requeue"
    """Move to another queue."""
    PRIORITY = "priority"
    """Change the priority."""


class OperationState(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"
    """Its canary did not end well, or a step of it failed."""
    ABORTED = "aborted"


class Phase(StrEnum):
    """Where a running operation is."""

    FIRST = "first"
    """Its canary is still to be chosen."""
    WATCHING = "watching"
    """It waits for the end of its canary."""
    ALL = "all"


APPLICABLE: dict[BulkAction, frozenset[JobState]] = {
    BulkAction.CANCEL: ACTIVE,
    BulkAction.RETRY: TERMINAL,
    BulkAction.DELETE: frozenset(JobState) - {JobState.RUNNING},
    BulkAction.REQUEUE: ACTIVE - {JobState.RUNNING},
    BulkAction.PRIORITY: ACTIVE - {JobState.RUNNING},
}
"""The states in which a job takes each action; an operation passes over the others."""
