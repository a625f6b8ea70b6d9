from __future__ import annotations

import sys
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner, Result

from tenure.cli.lazy import LazyGroup, make_app
from tenure.domain.errors import LeaseLost


def fail(kind: str) -> None:
    """Fail in a way of its own."""
    errors: dict[str, BaseException] = {
        "tenure": LeaseLost("the lease is gone"),
        "fault": ZeroDivisionError("division\nby zero"),
        "silent": ZeroDivisionError(),
        "pipe": BrokenPipeError(),
        "interrupt": KeyboardInterrupt(),
        "exit": typer.Exit(9),
        "usage": typer.BadParameter("bad"),
    }
    raise errors[kind]


class Group(LazyGroup):
    targets = {
        "fail": ("commands_of_a_test:fail", "Fail."),
        "gone": ("commands_of_a_test:gone", "Not there."),
    }


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("commands_of_a_test")
    vars(module)["fail"] = fail
    monkeypatch.setitem(sys.modules, module.__name__, module)


def call(*words: str, **environment: str) -> Result:
    app = make_app(cls=Group, add_completion=False)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, list(words), env={"TENURE_LOG_LEVEL": ""} | environment)


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("tenure", 6, "error: the lease is gone\n"),
        (
            "fault",
            1,
            "error: ZeroDivisionError: division (TENURE_LOG_LEVEL=debug shows where)\n",
        ),
        ("silent", 1, "error: ZeroDivisionError (TENURE_LOG_LEVEL=debug shows where)\n"),
        ("pipe", 0, ""),
        ("interrupt", 130, "interrupted\n"),
        ("exit", 9, ""),
    ],
)
def test_every_end_is_a_code_and_at_most_a_line(kind: str, code: int, said: str) -> None:
    done = call("fail", kind)
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", said)


def test_a_usage_error_stays_one() -> None:
    done = call("fail", "usage")
    assert done.exit_code == 2
    assert "bad" in done.stderr


def test_who_asks_sees_where_a_fault_is() -> None:
    done = call("fail", "fault", TENURE_LOG_LEVEL="debug")
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ZeroDivisionError")


def test_help_imports_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "commands_of_a_test")
    done = call("--help")
    assert done.exit_code == 0
    assert "fail  Fail.\n" in done.stdout
    assert "gone  Not there.\n" in done.stdout


def test_a_function_becomes_a_command_with_its_help() -> None:
    done = call("fail", "--help")
    assert "Fail in a way of its own." in done.stdout
