from __future__ import annotations

from tenure.cli.drawing import graph
from tenure.wire.workflows import Node, NodeDependency


def node(key: str, *parents: str, join: str = "all", status: str = "blocked") -> Node:
    edges = [NodeDependency(key=above, job_id=above, on="success") for above in parents]
    return Node(
        key=key, job_id=key, type="echo", status=status, attempt=0, join=join, depends_on=edges
    )


def drawn(*nodes: Node) -> list[str]:
    return [" ".join(line.split()) for line in graph(nodes)]


def test_a_chain_is_not_indented() -> None:
    keys = [f"n{number}" for number in range(1_000)]
    found = graph([node(key, *keys[place - 1 : place]) for place, key in enumerate(keys)])
    assert len(found) == 1_000
    assert len({len(line) for line in found}) == 1


def test_a_job_stands_under_its_deepest_parent() -> None:
    assert drawn(node("a"), node("b", "a"), node("c", "b", "a"), node("d")) == [
        ". a blocked", "`- . b blocked", "`- . c blocked and after a", ". d blocked"
    ]  # fmt: skip


def test_branches_are_drawn() -> None:
    nodes = (node("a"), node("b", "a"), node("c", "a"), node("d", "b"), node("e", "b"))
    assert [line[:9].rstrip() for line in graph(nodes)] == [
        ". a", "|- . b", "|  |- . d", "|  `- . e", "`- . c"
    ]  # fmt: skip


def test_other_parents_are_named_within_bounds() -> None:
    many = [f"p{number}" for number in range(6)]
    found = drawn(*(node(key) for key in many), node("z", *many, join="any"))
    assert found[-1] == "`- . z blocked or after p0, p1, p2 and 2 more"


def test_control_characters_are_escaped() -> None:
    assert "\x1b" not in graph([node("\x1b[31m")])[0]
