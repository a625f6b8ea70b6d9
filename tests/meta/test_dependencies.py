from __future__ import annotations

import ast
import re
import sys
import tomllib

import pytest

from tests.meta.source import ROOT, modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
ALL = [*PROJECT["dependencies"], *(one for extra in EXTRAS.values() for one in extra)]


@pytest.mark.parametrize("requirement", [one for one in ALL if not one.startswith("tenure[")])
def test_every_dependency_has_both_bounds(requirement: str) -> None:
    versions = requirement.partition(";")[0]
    assert re.search(r">=\d", versions)
    assert re.search(r"<\d", versions)


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=;! ]", requirement, maxsplit=1)[0].replace("-", "_").lower()


IMPORT_NAMES = {
    "pyyaml": "yaml",
    "python_dotenv": "dotenv",
    "argon2_cffi": "argon2",
    "pyjwt": "jwt",
    "opentelemetry_api": "opentelemetry",
}


def _imported() -> dict[str, str]:
    found: dict[str, str] = {}
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0]: module.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found[(node.module or "").partition(".")[0]] = module.name
    return found


def test_what_is_imported_is_declared() -> None:
    extras = (one for name in ("postgres", "otel", "notify") for one in EXTRAS[name])
    names = [_name(one) for one in [*PROJECT["dependencies"], *extras]]
    declared = {IMPORT_NAMES.get(name, name) for name in names}
    foreign = {
        name: where
        for name, where in _imported().items()
        if name not in sys.stdlib_module_names and name != "tenure"
    }
    assert {name: where for name, where in foreign.items() if name not in declared} == {}
