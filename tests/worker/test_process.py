from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tenure.wire.leases import ReportItem
from tenure.worker.holding import Run, Stop
from tests.worker import process_handlers
from tests.worker.scenes import Bench, bench, lease, lines_of, until

pytestmark = pytest.mark.anyio

ALL: list[Callable[..., Any]] = [
    process_handlers.pid,
    process_handlers.in_loop,
    process_handlers.crash,
    process_handlers.again,
    process_handlers.error,
    process_handlers.patient,
    process_handlers.deaf,
    process_handlers.tidy,
]


def _result(report: Any) -> Any:
    assert isinstance(report, ReportItem), report
    assert isinstance(report.result, msgspec.Raw), report
    return msgspec.json.decode(report.result)


def _gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


async def _begun(made: Bench, run: Run) -> None:
    await until(lambda: run.notes is not None and run.notes.progressed, 10)


async def test_a_child_runs_in_a_session_of_its_own_and_is_used_again() -> None:
    async with bench(*ALL) as made:
        (run,) = made.start(lease("pid", {"a": 1}))
        report = await made.ending(run, 10)
        first = _result(report)
        assert first["pid"] == first["session"] != os.getpid()
        assert first["got"] == {"a": 1}
        assert lines_of(run) == [("info", "from a child")]
        assert run.notes is not None
        assert (run.notes.fraction, run.notes.message) == (0.5, "half")
        assert msgspec.json.decode(report.checkpoint) == {"seen": {"a": 1}}
        again = _result(await made.run("pid", {}, checkpoint=msgspec.Raw(b'"former"')))
        assert (again["pid"], again["former"]) == (first["pid"], "former")
    assert _gone(first["pid"])


async def test_what_happens_in_a_child_is_reported_as_anywhere_else() -> None:
    async with bench(*ALL) as made:
        assert _result(await made.run("async")) == "async in a child"
        later = await made.run("retry")
        assert (later.outcome, later.retry_after_seconds) == ("failed", 3)
        failed = await made.run("error", 5)
        assert (failed.error.type, failed.error.message) == ("ValueError", "broken 5")
        assert "process_handlers.py" in failed.error.traceback
        assert "tenure/worker" not in failed.error.traceback
        invalid = await made.run("error", "x")
        assert (invalid.error.type, invalid.retryable) == ("InvalidPayload", False)


async def test_as_many_children_as_runs() -> None:
    async with bench(*ALL) as made:
        runs = made.start(lease("patient"), lease("patient"))
        for run in runs:
            await _begun(made, run)
            made.executor.stop(run, Stop.CANCEL)
        for run in runs:
            assert _result(await made.ending(run)) == "stopped by its flag"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("exit", "exit code 7"),
        ("kill", "signal 9 (SIGKILL)"),
        ("segfault", "signal 11 (SIGSEGV)"),
        ("leave a child", "exit code 7"),
    ],
)
async def test_a_dead_child_is_reported_within_a_second_and_the_next_job_gets_another(
    how: str, said: str
) -> None:
    async with bench(*ALL) as made:
        await made.run("pid", {})
        began = time.monotonic()
        report = await made.run("crash", how)
        assert time.monotonic() - began < 1
        assert (report.outcome, report.retryable) == ("failed", True)
        assert report.error.type == "HandlerCrashed"
        assert said in report.error.message
        assert _result(await made.run("pid", {}))["pid"] > 0


async def test_a_child_killed_from_outside_is_a_crash() -> None:
    async with bench(*ALL) as made:
        (run,) = made.start(lease("patient"))
        await _begun(made, run)
        pid = next(int(p) for p in _children() if _is_child(p))
        os.kill(pid, signal.SIGKILL)
        assert (await made.ending(run, 1)).error.type == "HandlerCrashed"


def _children() -> list[str]:
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()


def _is_child(pid: str) -> bool:
    return b"tenure.worker.child" in Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_a_timeout_kills_the_whole_group_though_sigterm_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    async with bench(*ALL) as made:
        (run,) = made.start(lease("deaf", str(file)))
        await _begun(made, run)
        child, grandchild = map(int, file.read_text().split())
        made.executor.stop(run, Stop.TIMEOUT, 0.1)
        report = await made.ending(run)
        assert report.outcome == "timeout"
        await until(lambda: _gone(child) and _gone(grandchild), 1)


async def test_sigterm_unwinds_a_handler_so_that_it_cleans_up(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    async with bench(*ALL) as made:
        (run,) = made.start(lease("tidy", str(file)))
        await _begun(made, run)
        assert file.exists()
        made.executor.stop(run, Stop.TIMEOUT)
        assert (await made.ending(run)).outcome == "timeout"
        assert not file.exists()


async def test_a_lost_lease_kills_at_once_even_from_another_thread(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    async with bench(*ALL) as made:
        (run,) = made.start(lease("deaf", str(file)))
        await _begun(made, run)
        pids = [int(pid) for pid in file.read_text().split()]
        await asyncio.to_thread(run.ask_stop, Stop.LOST)
        assert await made.ending(run) is None
        await until(lambda: all(_gone(pid) for pid in pids), 1)


async def test_a_run_stopped_while_its_child_starts_never_begins(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    async with bench(*ALL) as made:
        (run,) = made.start(lease("deaf", str(file)))
        await until(lambda: run.started)
        made.executor.stop(run, Stop.CANCEL, 0.05)
        assert (await made.ending(run)).outcome == "cancelled"
        assert not file.exists()


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_lines_of_a_child_look_as_the_workers_and_name_job_and_trace(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with bench(process_handlers.says, log=("info", "json")) as made:
        (run,) = made.start(lease("says", traceparent=TRACE))
        assert (await made.ending(run, 10)).outcome == "completed"
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(one["level"], one["message"]) for one in lines] == [
        ("info", "by the standard library"), ("warning", "by loguru"),
    ]  # fmt: skip
    for one in lines:
        assert one["job_id"] == run.lease.job_id
        assert (one["trace_id"], one["span_id"]) == (TRACE[3:35], TRACE[36:52])
