"""Workflows over HTTP: a graph of jobs in one request, and how far it is."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from tenure.domain.edges import MAX_PARENTS, Condition, Join
from tenure.wire.base import Id, Input, Instant, Output, Seconds, Time
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


class NodeDependency(Output, kw_only=True):
    """An edge: `key` is null for a job outside the workflow."""

    key: str | None
    job_id: str
    on: str


class Node(Output, kw_only=True):
    """One job of a workflow."""

    key: str
    job_id: str
    type: str
    name: str | None = None
    status: str
    reason: str | None = None
    attempt: int
    join: str
    depends_on: list[NodeDependency]
    started_at: Time | None = None
    finished_at: Time | None = None


class Workflow(Output, kw_only=True):
    """A workflow. `jobs` counts its jobs by status, `total` all of them."""

    id: str
    name: str | None = None
    status: str
    jobs: dict[str, int]
    total: int
    owner_id: str | None = None
    created_at: Time
    finished_at: Time | None = None

    @property
    def finished(self) -> bool:
        """Whether every job is in a final state."""
        return self.status != "running"


class WorkflowDetail(Workflow, kw_only=True):
    """A workflow with its jobs, oldest first."""

    nodes: list[Node]
