"""Workflows over HTTP: how far they are, and their graph."""

from __future__ import annotations

from tenure.wire.base import Output, Time


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
