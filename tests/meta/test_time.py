from __future__ import annotations

import ast

from tests.meta.source import Module, modules

READINGS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
    ("time", "clock_gettime"),
}
ALLOWED = {"domain/clock"}


def _readings(module: Module) -> list[str]:
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if (name, node.attr) in READINGS:
                found.append(f"{ast.unparse(node)}, line {node.lineno}")
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            bad = {alias.name for alias in node.names} & {name for _, name in READINGS}
            found += sorted(bad)
    return found


def test_one_file_reads_the_wall_clock() -> None:
    readers = {module.name: _readings(module) for module in modules()}
    assert {name: found for name, found in readers.items() if found and name not in ALLOWED} == {}
    assert readers["domain/clock"]
