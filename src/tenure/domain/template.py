"""What every fire of a schedule submits: a job or a whole workflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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


Restore = Callable[[str, str, str, str], str]
"""From type, payload, former payload and JSON pointer to the payload to keep."""


def restored(new: Template, before: Template, restore: Restore) -> Template:
    """`new` with each payload as `restore` makes it of the one in the same place before, which is
    of the same type; null where there was none."""
    if isinstance(new, JobTemplate):
        old = before if isinstance(before, JobTemplate) else None
        return replace(new, payload=_restored(new, old, restore, "/job/payload"))
    olds = {} if isinstance(before, JobTemplate) else {node.key: node for node in before.nodes}
    nodes = tuple(
        replace(
            node,
            payload=_restored(node, olds.get(node.key), restore, f"/workflow/jobs/{place}/payload"),
        )
        for place, node in enumerate(new.nodes)
    )
    return replace(new, nodes=nodes)


def _restored(
    new: JobTemplate | Node, old: JobTemplate | Node | None, restore: Restore, where: str
) -> str:
    stored = old.payload if old is not None and old.spec.type == new.spec.type else "null"
    return restore(new.spec.type, new.payload, stored, where)


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
