"""The project's own source, read once for the tests about it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tenure"
TESTS = ROOT / "tests"


@dataclass(frozen=True, slots=True)
class Module:
    """One file: `name` is its path from `src/tenure`, without `.py`."""

    name: str
    path: Path
    lines: int
    tree: ast.Module


def read(path: Path, base: Path) -> Module:
    """Parse one file."""
    text = path.read_text("utf-8")
    name = path.relative_to(base).with_suffix("").as_posix()
    return Module(name, path, len(text.splitlines()), ast.parse(text))


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package, in order of name."""
    return tuple(read(path, PACKAGE) for path in sorted(PACKAGE.rglob("*.py")))


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(module: Module) -> Iterator[Function]:
    """Every function and method of a module, inner ones too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
