"""What every fire of a schedule submits: a job or a whole workflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tenure.domain.edges import Condition, Edge, Join
from tenure.domain.job import JobSpec, NewJob


@dataclass(frozen=True, slots=True)
class JobTemplate:
    """`payload` is JSON text."""

    spec: JobSpec
    payload: str


@dataclass(frozen=True, slots=True)
class Node:
    """One job of a workflow. `depends_on`: keys of other nodes, and how each must end."""

    key: str
    spec: JobSpec
    payload: str
    join: Join = Join.ALL
    depends_on: tuple[tuple[str, Condition], ...] = ()


@dataclass(frozen=True, slots=True)
class WorkflowTemplate:
    name: str | None
    nodes: tuple[Node, ...]


Template = JobTemplate | WorkflowTemplate


def size(template: Template) -> int:
    """How many jobs a fire submits."""
    return len(template.nodes) if isinstance(template, WorkflowTemplate) else 1


def types(template: Template) -> frozenset[str]:
    """The types of the jobs a fire submits."""
    if isinstance(template, WorkflowTemplate):
        return frozenset(node.spec.type for node in template.nodes)
    return frozenset({template.spec.type})


def jobs(template: Template, ids: Sequence[str], owner_id: str | None) -> list[NewJob]:
    """New jobs of a template under these ids, as many as its `size`, tied to each other."""
    if isinstance(template, JobTemplate):
        return [NewJob(ids[0], template.spec, template.payload, owner_id)]
    by_key = {node.key: id_ for node, id_ in zip(template.nodes, ids, strict=True)}
    return [
        NewJob(
            id_,
            node.spec,
            node.payload,
            owner_id,
            edges=tuple(Edge(by_key[key], on) for key, on in node.depends_on),
            join=node.join,
            key=node.key,
        )
        for node, id_ in zip(template.nodes, ids, strict=True)
    ]
