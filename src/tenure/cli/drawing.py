"""A workflow's graph as lines of text."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

from tenure.telemetry.text import one_line
from tenure.wire.workflows import Node, WorkflowDetail

_MARKS = {
    "completed": "+",
    "failed": "!",
    "expired": "!",
    "cancelled": "x",
    "skipped": "-",
    "running": ">",
}
_WIDEST = 60


def headline(workflow: WorkflowDetail) -> str:
    """Name, id, status and how many jobs are in which state."""
    counts = ", ".join(f"{number} {state}" for state, number in sorted(workflow.jobs.items()))
    name = one_line(workflow.name or "workflow")
    return f"{name} {workflow.id} {workflow.status}: {counts}"


def graph(nodes: Sequence[Node]) -> list[str]:
    """One line a job, below the last of the jobs it depends on; the others are named behind it.

    The mark before the key says the state: + done, > running, ! failed, x cancelled, - skipped,
    . waiting. An only child stands under its parent without indentation.
    """
    by_id = {node.job_id: node for node in nodes}
    above = _tree(nodes, by_id)
    below: dict[str | None, list[Node]] = defaultdict(list)
    for node in nodes:
        below[above.get(node.job_id)].append(node)
    drawn: list[tuple[str, Node]] = []
    stack = [("", "", node) for node in reversed(below[None])]
    while stack:
        lead, indent, node = stack.pop()
        drawn.append((lead, node))
        children = below[node.job_id]
        if len(children) == 1:
            stack.append((f"{indent}`- ", indent, children[0]))
        else:
            for place, child in reversed(list(enumerate(children))):
                last = place == len(children) - 1
                stack.append(
                    (
                        f"{indent}{'`' if last else '|'}- ",
                        indent + ("   " if last else "|  "),
                        child,
                    )
                )
    width = min(max((len(lead) + len(node.key) for lead, node in drawn), default=0), _WIDEST)
    return [_line(lead, node, above.get(node.job_id), width) for lead, node in drawn]


def _tree(nodes: Sequence[Node], by_id: dict[str, Node]) -> dict[str, str]:
    """Under which of its parents each job stands: the deepest, of those the last."""
    left = {n.job_id: sum(e.job_id in by_id for e in n.depends_on) for n in nodes}
    children: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        for edge in node.depends_on:
            children[edge.job_id].append(node.job_id)
    depth: dict[str, int] = {}
    found: dict[str, str] = {}
    free = deque(id_ for id_, number in left.items() if number == 0)
    while free:
        id_ = free.popleft()
        depth[id_] = max(
            (depth[e.job_id] + 1 for e in by_id[id_].depends_on if e.job_id in depth), default=0
        )
        for child in children[id_]:
            left[child] -= 1
            if left[child] == 0:
                free.append(child)
    for node in nodes:
        parents = [edge.job_id for edge in node.depends_on if edge.job_id in by_id]
        if parents:
            found[node.job_id] = max(reversed(parents), key=lambda id_: depth[id_])
    return found


def _line(lead: str, node: Node, above: str | None, width: int) -> str:
    others = [edge for edge in node.depends_on if edge.job_id != above]
    name = f"{lead}{_MARKS.get(node.status, '.')} {one_line(node.key)}"
    told = [f"{name:<{width + 2}}  {node.status}"]
    if node.reason:
        told.append(f"({node.reason})")
    if others:
        names = [one_line(edge.key or edge.job_id) for edge in others[:3]]
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        told.append(f"{'or' if node.join == 'any' else 'and'} after {', '.join(names)}{more}")
    return " ".join(told)
