from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import msgspec
import pytest

from tenure.domain.run import Cancel, Fail, Retry, Snooze
from tenure.wire.leases import ProgressIn, ReleaseItem, ReportItem
from tenure.worker.context import Context
from tenure.worker.holding import Stop
from tenure.worker.registry import handler
from tests.worker.scenes import bench, lease, lines_of, until

pytestmark = pytest.mark.anyio


@handler("work")
async def work(payload: dict[str, Any], ctx: Context) -> Any:
    ctx.log.info("begun")
    ctx.progress(0.5, "half")
    ctx.checkpoint = payload
    return {"got": payload, "attempt": ctx.attempt}


@handler("plain")
def plain(payload: int, ctx: Context) -> Any:
    ctx.log.info("in a thread")
    ctx.progress(1)
    return {"thread": threading.current_thread().name, "got": payload}


@handler("sleep")
async def sleep(payload: float) -> str:
    await asyncio.sleep(payload)
    return "slept"


@handler("raise")
async def raising(payload: str) -> None:
    raise {
        "retry": Retry("later", after=5),
        "fail": Fail("never"),
        "snooze": Snooze(60),
        "cancel": Cancel("enough"),
        "error": ValueError("broken"),
        "exit": SystemExit(2),
        "stray": asyncio.CancelledError(),
    }[payload]


def _result(report: Any) -> Any:
    assert isinstance(report, ReportItem), report
    assert report.outcome == "completed", report
    return msgspec.json.decode(report.result) if isinstance(report.result, msgspec.Raw) else None


async def test_an_async_handler_runs_in_the_loop() -> None:
    async with bench(work) as made:
        (run,) = made.start(lease("work", {"a": 1}, attempt=2))
        report = await made.ending(run)
        assert _result(report) == {"got": {"a": 1}, "attempt": 2}
        assert bytes(report.checkpoint) == b'{"a":1}'
        assert report.progress == ProgressIn(fraction=0.5, message="half")
        assert run.notes is not None
        assert (run.notes.fraction, run.notes.message) == (0.5, "half")
        assert lines_of(run) == [("info", "begun")]
        assert made.watcher.noted_runs == [run, run]


async def test_a_plain_handler_runs_in_a_thread() -> None:
    async with bench(plain) as made:
        (run,) = made.start(lease("plain", 3))
        report = await made.ending(run)
        assert report.progress == ProgressIn(fraction=1)
        result = _result(report)
        assert result["thread"].startswith("tenure-handler")
        assert result["got"] == 3
        assert lines_of(run) == [("info", "in a thread")]


@pytest.mark.parametrize(
    ("how", "outcome", "retryable"),
    [
        ("retry", "failed", True),
        ("fail", "failed", False),
        ("snooze", "snoozed", True),
        ("cancel", "cancelled", True),
        ("error", "failed", True),
        ("exit", "failed", True),
        ("stray", "failed", True),
    ],
)
async def test_what_a_handler_raises_is_its_outcome(
    how: str, outcome: str, retryable: bool
) -> None:
    async with bench(raising) as made:
        report = await made.run("raise", how)
        assert (report.outcome, report.retryable) == (outcome, retryable)


async def test_a_failure_shows_the_users_code_only() -> None:
    async with bench(raising) as made:
        report = await made.run("raise", "error")
        assert (report.error.type, report.error.message) == ("ValueError", "broken")
        assert "in raising" in report.error.traceback
        assert "tenure/worker" not in report.error.traceback


@pytest.mark.parametrize("type_", ["sleep", "plain"])
async def test_a_payload_that_does_not_fit_fails_for_good(type_: str) -> None:
    async with bench(sleep, plain) as made:
        report = await made.run(type_, {"not": "a number"})
        assert (report.outcome, report.retryable) == ("failed", False)
        assert report.error.type == "InvalidPayload"


async def test_many_runs_share_the_loop() -> None:
    async with bench(sleep, slots=200) as made:
        began = time.monotonic()
        runs = made.start(*(lease("sleep", 0.1) for _ in range(200)))
        for run in runs:
            assert _result(await made.ending(run)) == "slept"
        assert time.monotonic() - began < 2


async def test_the_jobs_timeout_cancels_an_async_handler() -> None:
    async with bench(sleep) as made:
        report = await made.run("sleep", 30, timeout_seconds=0.05)
        assert report.outcome == "timeout"
        assert report.error.type == "HandlerTimeout"
        assert made.holding.stuck == 0


async def test_the_handlers_timeout_holds_when_the_job_has_none() -> None:
    @handler("short", timeout=0.05)
    async def short(payload: float) -> None:
        await asyncio.sleep(payload)

    async with bench(short) as made:
        assert (await made.run("short", 30)).outcome == "timeout"
        assert (await made.run("short", 0.15, timeout_seconds=20)).outcome == "completed"


async def test_a_thread_that_outlives_its_timeout_keeps_its_slot_until_it_ends() -> None:
    gate = threading.Event()

    @handler("stuck")
    def stuck(payload: Any) -> str:
        gate.wait(10)
        return "too late"

    async with bench(stuck) as made:
        (run,) = made.start(lease("stuck", timeout_seconds=0.05))
        report = await made.ending(run)
        assert report.outcome == "timeout"
        assert (made.holding.stuck, made.holding.free) == (1, 3)
        assert run.cancelled
        gate.set()
        await until(lambda: made.holding.free == 4)
        assert made.ended[run.lease.job_id] is report


async def test_a_coroutine_that_swallows_its_cancel_is_given_up_after_the_grace() -> None:
    gate = asyncio.Event()

    @handler("stubborn")
    async def stubborn(payload: Any) -> None:
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue

    async with bench(stubborn) as made:
        (run,) = made.start(lease("stubborn"))
        await until(lambda: run.started)
        made.executor.stop(run, Stop.CANCEL, 0.05)
        assert (await made.ending(run)).outcome == "cancelled"
        assert made.holding.stuck == 1
        gate.set()
        await until(lambda: made.holding.stuck == 0)


async def test_cancel_reaches_an_async_handler() -> None:
    async with bench(sleep) as made:
        (run,) = made.start(lease("sleep", 30))
        await until(lambda: run.started)
        made.executor.stop(run, Stop.CANCEL)
        assert (await made.ending(run)).outcome == "cancelled"


async def test_a_handler_that_completes_anyway_stays_completed() -> None:
    @handler("tidy")
    async def tidy(payload: Any) -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            return "saved what there was"
        return "never"

    async with bench(tidy) as made:
        (run,) = made.start(lease("tidy"))
        await until(lambda: run.started)
        made.executor.stop(run, Stop.CANCEL)
        assert _result(await made.ending(run)) == "saved what there was"


async def test_a_thread_sees_its_cancel_and_may_end_well_or_by_raising() -> None:
    @handler("patient")
    def patient(payload: bool, ctx: Context) -> str:
        while not ctx.cancelled:
            time.sleep(0.005)
        if payload:
            ctx.raise_if_cancelled()
        return "done"

    async with bench(patient) as made:
        good, bad = made.start(lease("patient", False), lease("patient", True))
        await until(lambda: good.started and bad.started)
        for run in (good, bad):
            made.executor.stop(run, Stop.CANCEL)
        assert _result(await made.ending(good)) == "done"
        assert (await made.ending(bad)).outcome == "cancelled"


async def test_a_run_stopped_before_it_began_never_begins() -> None:
    seen: list[Any] = []

    @handler("seen")
    async def note(payload: Any) -> None:
        seen.append(payload)

    async with bench(note) as made:
        (run,) = made.start(lease("seen", 1))
        made.executor.stop(run, Stop.CANCEL)
        assert (await made.ending(run)).outcome == "cancelled"
        await asyncio.sleep(0.01)
        assert seen == []


async def test_a_call_that_waits_for_a_thread_is_stopped_without_starting() -> None:
    gate, seen = threading.Event(), list[int]()

    @handler("busy")
    def busy(payload: int) -> None:
        seen.append(payload)
        gate.wait(5)

    async with bench(busy, slots=1) as made:
        first, second = made.start(lease("busy", 1), lease("busy", 2))
        await until(lambda: first.started)
        made.executor.stop(second, Stop.RELEASE)
        released = await made.ending(second)
        assert released == ReleaseItem(job_id=second.lease.job_id, fence=1, started=False)
        gate.set()
        await made.ending(first)
        assert seen == [1]


@pytest.mark.parametrize(("stop", "kind"), [(Stop.LOST, type(None)), (Stop.UNTRUSTED, ReleaseItem)])
async def test_a_run_whose_lease_is_gone_reports_nothing(stop: Stop, kind: type) -> None:
    async with bench(sleep) as made:
        (run,) = made.start(lease("sleep", 30))
        await until(lambda: run.started)
        made.executor.stop(run, stop)
        ending = await made.ending(run)
        assert isinstance(ending, kind)
        if isinstance(ending, ReleaseItem):
            assert ending.started


async def test_a_stronger_reason_replaces_a_weaker_one_and_never_the_other_way() -> None:
    async with bench(sleep) as made:
        (run,) = made.start(lease("sleep", 30))
        await until(lambda: run.started)
        assert run.ask_stop(Stop.CANCEL)
        assert run.ask_stop(Stop.LOST)
        assert not run.ask_stop(Stop.TIMEOUT)
        made.executor.enforce(run)
        assert await made.ending(run) is None


async def test_closing_leaves_nothing_running() -> None:
    ended: list[str] = []

    @handler("long")
    async def long(payload: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("unwound")

    async with bench(long) as made:
        (run,) = made.start(lease("long"))
        await until(lambda: run.started)
    assert ended == ["unwound"]
