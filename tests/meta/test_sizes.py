from __future__ import annotations

import pytest

from tests.meta.source import TESTS, Function, Module, functions, modules

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40


def _length(module: Module, function: Function) -> int:
    """Lines of a function. Options of a command are declarations and do not count."""
    first = function.body[0].lineno if module.name.startswith("cli/") else function.lineno
    return (function.end_lineno or first) - first + 1


def _too_long(module: Module) -> dict[str, int]:
    lengths = {function.name: _length(module, function) for function in functions(module)}
    return {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_files_and_functions_stay_readable(module: Module) -> None:
    assert module.lines <= MAX_FILE_LINES
    if not module.name.startswith("store/migrations/versions/"):  # tables, column by column
        assert _too_long(module) == {}


def test_tests_stay_readable_too() -> None:
    lengths = {str(path): len(path.read_text("utf-8").splitlines()) for path in TESTS.rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}
