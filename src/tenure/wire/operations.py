"""Operations over HTTP: one action on every job of a filter."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from tenure.domain.operation import BulkAction
from tenure.wire.base import Input, Output, Reason, Text, Time, Word
from tenure.wire.jobs import Priority


class OperationIn(Input):
    """What to do to which jobs. `queue` goes with requeue, `priority` with priority, `canary` with
    retry: one job first, the others only when it completed. `dry_run` only counts."""

    action: BulkAction
    filter: Annotated[Text, Field(min_length=1)]
    reason: Reason | None = None
    queue: Word | None = None
    priority: Priority | None = None
    canary: bool = False
    dry_run: bool = False

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        for action, value in (
            (BulkAction.REQUEUE, self.queue),
            (BulkAction.PRIORITY, self.priority),
        ):
            name = "queue" if action is BulkAction.REQUEUE else "priority"
            if (value is not None) != (self.action is action):
                raise ValueError(f"{name} goes with the action {action}, and only with it")
        if self.canary and self.action is not BulkAction.RETRY:
            raise ValueError("a canary goes with the action retry only")
        return self


class AbortIn(Input):
    """The optional body of an abort."""

    reason: Reason | None = None


class Preview(Output, kw_only=True):
    """What an operation would meet. `matched` jobs fit the filter, `applicable` of them are in a
    state that takes the action; `complete` false: there are more. `sample`: some of their ids."""

    matched: int
    applicable: int
    complete: bool
    by_status: dict[str, int]
    sample: list[str]


class Operation(Output, kw_only=True):
    """An operation. `status`: running, completed, aborted, or stopped because its canary did not
    complete or a step failed (`note` says why). `phase`, while it runs: first, watching (its
    canary) or all. `expected` jobs were counted beforehand, at least so many unless
    `expected_exact`; `done` were acted on, `refused` raised an error, the last of which is
    `last_error`."""

    id: str
    action: str
    filter: str
    queue: str | None = None
    priority: int | None = None
    status: str
    phase: str
    canary_job_id: str | None = None
    actor: str | None = None
    reason: str | None = None
    expected: int
    expected_exact: bool
    done: int
    refused: int
    last_error: str | None = None
    note: str | None = None
    created_at: Time
    finished_at: Time | None = None

    @property
    def finished(self) -> bool:
        """Whether it does no more."""
        return self.status != "running"
