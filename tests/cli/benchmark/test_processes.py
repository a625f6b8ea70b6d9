from __future__ import annotations

import os
import sys

import pytest

from tenure.cli.benchmark import processes
from tenure.cli.benchmark.failure import BenchmarkError

pytestmark = pytest.mark.anyio


async def test_what_a_failed_child_said_is_told() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    with pytest.raises(BenchmarkError, match=r"child ended with status 1:\n  no such thing"):
        async with processes.running("child", command) as child:
            await child.succeeded()


async def test_a_child_that_ends_instead_of_answering() -> None:
    with pytest.raises(BenchmarkError, match="child ended with status 3"):
        async with processes.running(
            "child", [sys.executable, "-c", "raise SystemExit(3)"], piped=True
        ) as child:
            await child.hear(30)


async def test_a_missing_program() -> None:
    with pytest.raises(BenchmarkError, match="cannot be started"):
        async with processes.running("child", ["/nonexistent/program"]):
            raise AssertionError("started")


async def test_children_are_gone_whatever_happens() -> None:
    script = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    with pytest.raises(ZeroDivisionError):
        async with processes.running("child", [sys.executable, "-c", script]) as child:
            raise ZeroDivisionError
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


async def test_settings_of_the_caller_do_not_reach_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TENURE_AUTH", "required")
    given = processes.clean_environment(port="1")
    assert given["TENURE_PORT"] == "1"
    assert "TENURE_AUTH" not in given
    assert given["PATH"] == os.environ["PATH"]
