from __future__ import annotations

import ast

from tests.meta.source import Module, modules

FORBIDDEN = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "base_manager"}
OF_THE_LANGUAGE = {"_exit", "_asdict", "_fields", "_make", "_mapping", "_replace"}


def test_no_module_is_named_after_nothing() -> None:
    parts = {part for module in modules() for part in module.name.split("/")}
    assert parts & FORBIDDEN == set()


def _private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in OF_THE_LANGUAGE


def _reaches(module: Module) -> list[str]:
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tenure"):
            found += [alias.name for alias in node.names if _private(alias.name)]
        if isinstance(node, ast.Attribute) and _private(node.attr):
            owner = node.value
            if not (isinstance(owner, ast.Name) and owner.id in ("self", "cls")):
                found.append(ast.unparse(node))
    return found


def test_nobody_reaches_into_private_names() -> None:
    reaches = {module.name: _reaches(module) for module in modules()}
    assert {name: found for name, found in reaches.items() if found} == {}


def test_no_module_rebinds_its_own_names() -> None:
    rebinding = {
        module.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Global)
    }
    assert rebinding == set()
