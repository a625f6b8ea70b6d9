from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from tenure.client.leasing import AsyncLeasing
from tenure.wire.leases import ErrorIn, Lease, ReleaseItem, ReportItem
from tenure.worker import reporter as module
from tenure.worker.executor import Executor
from tenure.worker.holding import Holding, Run
from tenure.worker.intake import Intake
from tenure.worker.invocation import Invocation
from tenure.worker.membership import Membership
from tenure.worker.registry import Registry, handler
from tenure.worker.reporter import Reporter
from tests.worker.protocol import Protocol, problem
from tests.worker.scenes import Heard, grant, lease, until

pytestmark = pytest.mark.anyio


@handler("work")
async def work(payload: Any) -> None: ...


@dataclass
class Desk:
    """A reporter that is sending, and its slots."""

    reporter: Reporter
    holding: Holding
    leasing: AsyncLeasing
    membership: Membership
    intake: Intake
    started: list[Run]

    def hold(self, count: int) -> list[Run]:
        registry = Registry()
        registry.add(work)
        (found,) = registry
        granted, invocation = grant(), Invocation(found)
        runs = [Run(lease(), invocation, granted, Heard()) for _ in range(count)]
        self.holding.runs.update({run.key: run for run in runs})
        return runs

    def report(self, run: Run, **changes: Any) -> None:
        values: dict[str, Any] = {
            "job_id": run.lease.job_id,
            "fence": 1,
            "outcome": "completed",
        } | changes
        self.reporter.report(run, ReportItem(**values))

    async def empty(self) -> None:
        await until(lambda: not self.holding.runs)


@asynccontextmanager
async def desk(
    scripted: Protocol, slots: int = 2_000, *, asks: bool = False
) -> AsyncIterator[Desk]:
    leasing, membership = await scripted.joined()
    holding = Holding(slots)
    started: list[Run] = []
    registry = Registry()
    registry.add(work)
    executor = Executor(holding, lambda run, _: started.append(run))
    intake = Intake(
        membership,
        holding,
        executor,
        queues=["default"],
        invocations={item.name: Invocation(item) for item in registry},
        watcher=Heard(),
        release=lambda items: reporter.release_unstarted(items),
        drain=lambda: None,
    )
    intake.closed = not asks
    reporter = Reporter(leasing, membership, holding, intake)
    task = asyncio.ensure_future(reporter.run())
    try:
        yield Desk(reporter, holding, leasing, membership, intake, started)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await executor.close()
        await leasing.aclose()


def _sizes(scripted: Protocol) -> list[int]:
    return [len(body["reports"]) for body in scripted.asked.get("complete", [])]


async def test_what_gathered_is_one_batch_and_frees_its_slots(scripted: Protocol) -> None:
    async with desk(scripted) as made:
        for run in made.hold(50):
            made.report(run)
        assert made.holding.free == 1_950
        await made.empty()
        assert _sizes(scripted) == [50]
        assert scripted.asked["complete"][0]["worker_id"] == "worker-1"
        assert made.holding.free == 2_000


async def test_batches_are_bounded_in_number_and_bytes(scripted: Protocol) -> None:
    async with desk(scripted) as made:
        for run in made.hold(1_200):
            made.report(run)
        await made.empty()
        assert sum(_sizes(scripted)) == 1_200
        assert max(_sizes(scripted)) == module.MAX_REPORTS
        scripted.asked.clear()
        large = msgspec.Raw(b'"' + b"x" * (module.MAX_BYTES // 3) + b'"')
        for run in made.hold(7):
            made.report(run, result=large)
        await made.empty()
        assert sum(_sizes(scripted)) == 7
        assert max(_sizes(scripted)) <= 3


async def test_a_report_is_sent_again_with_the_same_fence_until_it_is_answered(
    scripted: Protocol,
) -> None:
    answers = [problem(503, "unavailable"), problem(500, "internal_error")]

    def complete(body: Any) -> tuple[int, Any]:
        if answers:
            return answers.pop(0)
        item = body["reports"][0]
        status = {"job_id": item["job_id"], "fence": item["fence"], "status": "repeated"}
        return 200, {"results": [status]}

    scripted.answers["complete"] = complete
    async with desk(scripted) as made:
        (run,) = made.hold(1)
        made.report(run)
        await made.empty()
    bodies = scripted.asked["complete"]
    assert len(bodies) == 3
    assert bodies[0] == bodies[1] == bodies[2]


async def test_a_lost_report_frees_its_slot_too(scripted: Protocol) -> None:
    scripted.answers["complete"] = lambda body: (
        200,
        {
            "results": [
                {"job_id": item["job_id"], "fence": item["fence"], "status": "lost"}
                for item in body["reports"]
            ]
        },
    )
    async with desk(scripted) as made:
        for run in made.hold(3):
            made.report(run)
        await made.empty()


async def test_a_forgotten_worker_registers_again_and_reports_under_its_new_name(
    scripted: Protocol,
) -> None:
    def complete(body: Any) -> tuple[int, Any]:
        if body["worker_id"] == "worker-1":
            return problem(404, "worker_unknown")
        item = body["reports"][0]
        status = {"job_id": item["job_id"], "fence": item["fence"], "status": "lost"}
        return 200, {"results": [status]}

    scripted.answers["complete"] = complete
    async with desk(scripted) as made:
        (run,) = made.hold(1)
        made.report(run)
        await made.empty()
    assert scripted.registrations == 2


async def test_one_refused_report_does_not_hold_the_others(scripted: Protocol) -> None:
    def complete(body: Any) -> tuple[int, Any]:
        if any(item.get("result") == "poison" for item in body["reports"]):
            return problem(422, "invalid_input", "result: no")
        return 200, {
            "results": [
                {"job_id": item["job_id"], "fence": item["fence"], "status": "accepted"}
                for item in body["reports"]
            ]
        }

    scripted.answers["complete"] = complete
    async with desk(scripted) as made:
        runs = made.hold(5)
        for number, run in enumerate(runs):
            text = b'"poison"' if number == 2 else b'"fine"'
            made.report(run, result=msgspec.Raw(text))
        await made.empty()
    accepted = [
        item
        for body in scripted.asked["complete"]
        for item in body["reports"]
        if item.get("result") != "poison" and len(body["reports"]) == 1
    ]
    stand_in = next(item for item in accepted if item["job_id"] == runs[2].lease.job_id)
    assert (stand_in["outcome"], stand_in["retryable"]) == ("failed", False)
    assert stand_in["error"]["type"] == "ReportRefused"
    assert "result: no" in stand_in["error"]["message"]
    assert {item["job_id"] for item in accepted} == {run.lease.job_id for run in runs}


async def test_a_report_that_cannot_be_told_at_all_is_given_up(scripted: Protocol) -> None:
    scripted.answers["complete"] = lambda _: problem(413, "too_large")
    async with desk(scripted) as made:
        (run,) = made.hold(1)
        made.report(run, error=ErrorIn(type="E", message="m"), outcome="failed")
        await made.empty()
    assert len(scripted.asked["complete"]) == 2


async def test_releases_are_batched_and_free_their_slots(scripted: Protocol) -> None:
    async with desk(scripted) as made:
        runs = made.hold(3)
        for run in runs:
            made.reporter.release(run, ReleaseItem(job_id=run.lease.job_id, fence=1, started=True))
        made.reporter.release_unstarted([ReleaseItem(job_id="x", fence=2)])
        await made.empty()
    (body,) = scripted.asked["release"]
    assert len(body["leases"]) == 4
    assert body["leases"][0]["started"] is True


async def test_reports_go_on_while_one_request_is_slow(scripted: Protocol) -> None:
    """A second request takes what gathered beside the first."""
    gate, first = threading.Event(), threading.Event()

    def complete(body: Any) -> tuple[int, Any]:
        if not first.is_set():
            first.set()
            gate.wait(5)
        return 200, {
            "results": [
                {"job_id": item["job_id"], "fence": item["fence"], "status": "accepted"}
                for item in body["reports"]
            ]
        }

    scripted.answers["complete"] = complete
    async with desk(scripted) as made:
        slow, *others = made.hold(module.SECOND_REQUEST_AT + 1)
        made.report(slow)
        await until(first.is_set)
        for run in others:
            made.report(run)
        await until(lambda: list(made.holding.runs.values()) == [slow])
        gate.set()
        await made.empty()


def _with_leases(*leases: Lease) -> Any:
    """Accepts every report, and gives these leases to the first that asks."""
    left = [json.loads(msgspec.json.encode(item)) for item in leases]

    def complete(body: Any) -> tuple[int, Any]:
        results = [
            {"job_id": item["job_id"], "fence": item["fence"], "status": "accepted"}
            for item in body["reports"]
        ]
        if "acquire" not in body:
            return 200, {"results": results}
        given = [left.pop() for _ in range(min(body["acquire"]["slots"], len(left)))]
        return 200, {"results": results, "acquired": {"leases": given}}

    return complete


async def test_a_report_brings_leases_in_its_place(scripted: Protocol) -> None:
    more = [lease(), lease()]
    scripted.answers["complete"] = _with_leases(*more)
    async with desk(scripted, slots=3, asks=True) as made:
        first = made.hold(3)
        for run in first:
            made.report(run)
        await until(lambda: len(made.started) == 2)
        asked = scripted.asked["complete"][0]["acquire"]
        assert asked == {"queues": ["default"], "types": ["work"], "slots": 3}
        assert {run.lease.job_id for run in made.started} == {item.job_id for item in more}
        assert made.holding.free == 1


async def test_a_stuck_thread_asks_for_nothing_in_its_place(scripted: Protocol) -> None:
    async with desk(scripted, slots=2, asks=True) as made:
        first, second = made.hold(2)
        made.holding.strand(first)
        made.report(first)
        made.report(second)
        await made.empty()
        assert scripted.asked["complete"][0]["acquire"]["slots"] == 1


async def test_nothing_is_asked_beside_a_poll_or_after_the_last(scripted: Protocol) -> None:
    async with desk(scripted, slots=2, asks=True) as made:
        first, second = made.hold(2)
        made.intake.polling = 1
        made.report(first)
        await until(lambda: made.holding.free == 1)
        made.intake.polling = 0
        made.intake.closed = True
        made.report(second)
        await made.empty()
        assert all("acquire" not in body for body in scripted.asked["complete"])


async def test_the_next_job_of_a_workflow_is_asked_for_beside_a_poll(scripted: Protocol) -> None:
    async with desk(scripted, slots=2, asks=True) as made:
        node, plain = made.hold(2)
        node.lease.workflow_id = "w"
        made.intake.polling = 1
        made.report(node)
        await until(lambda: made.holding.free == 1)
        made.report(plain)
        await made.empty()
        asked = [body.get("acquire") for body in scripted.asked["complete"]]
        assert [wanted and wanted["slots"] for wanted in asked] == [1, None]


async def test_leases_that_come_while_leaving_go_back(scripted: Protocol) -> None:
    item = lease()
    accept = _with_leases(item)
    async with desk(scripted, slots=1, asks=True) as made:

        def leave(body: Any) -> Any:
            made.intake.closed = True
            return accept(body)

        scripted.answers["complete"] = leave
        (run,) = made.hold(1)
        made.report(run)
        await until(lambda: len(scripted.asked["release"]) == 1)
        (given_back,) = scripted.asked["release"][0]["leases"]
        assert given_back["job_id"] == item.job_id
        assert made.started == []
