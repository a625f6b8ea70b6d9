"""Workflows as a caller sends them. Apart from the answers: clients need only those."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from tenure.domain.edges import MAX_PARENTS, Condition, Join
from tenure.wire.base import Id, Input, Instant, Seconds
from tenure.wire.jobs import JobIn, Key, Name


class NodeDependencyIn(Input):
    """A job to wait for: one of the workflow by `key`, or any by `job_id`. The key alone stands
    for one with `on` success."""

    key: Key | None = None
    job_id: Id | None = None
    on: Condition = Condition.SUCCESS

    @model_validator(mode="before")
    @classmethod
    def _key_alone(cls, value: Any) -> Any:
        return {"key": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.key is None) == (self.job_id is None):
            raise ValueError("give key or job_id, and not both")
        return self


class NodeIn(Input):
    """What ties one job of a workflow to the others; its other fields are those of a job."""

    key: Key
    depends_on: Annotated[tuple[NodeDependencyIn, ...], Field(max_length=MAX_PARENTS)] = ()
    join: Join = Join.ALL


class WorkflowIn(Input):
    """A workflow to submit. `run_at` or `delay_seconds` hold back the jobs that wait for none."""

    travelling = ("jobs",)

    name: Name | None = None
    run_at: Instant | None = None
    delay_seconds: Seconds | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.run_at is not None and self.delay_seconds is not None:
            raise ValueError("give run_at or delay_seconds, not both")
        return self


class WorkflowJobIn(JobIn):
    """One job of a workflow, in the document only: checked as NodeIn and JobIn."""

    key: Key
    depends_on: tuple[NodeDependencyIn, ...] = ()  # type: ignore[assignment]


class WorkflowBody(WorkflowIn):
    """A workflow with its jobs, in the document only."""

    jobs: list[WorkflowJobIn]
