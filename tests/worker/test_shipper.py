from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tenure.worker import shipper as module
from tenure.worker.door import Door
from tenure.worker.holding import Run
from tenure.worker.invocation import Invocation
from tenure.worker.registry import Registry, handler
from tenure.worker.shipper import LogShipper
from tests.worker.protocol import Protocol, problem
from tests.worker.scenes import grant, lease, until

pytestmark = pytest.mark.anyio


@handler("work")
async def work(payload: object) -> None: ...


class Dock:
    """A shipper as the watcher of its runs."""

    door = Door("http://127.0.0.1:1", None)

    def __init__(self, shipper: LogShipper) -> None:
        self.shipper = shipper

    def noted(self, run: Run) -> None: ...

    def logged(self, run: Run) -> None:
        self.shipper.logged(run)

    def run(self) -> Run:
        registry = Registry()
        registry.add(work)
        (found,) = registry
        return Run(lease(), Invocation(found), grant(), self)

    async def finish(self, run: Run) -> None:
        done = asyncio.Event()
        self.shipper.finish(run, done.set)
        await asyncio.wait_for(done.wait(), 5)


@asynccontextmanager
async def dock(scripted: Protocol) -> AsyncIterator[Dock]:
    leasing, membership = await scripted.joined()
    shipper = LogShipper(leasing, membership)
    try:
        yield Dock(shipper)
    finally:
        await shipper.close()
        await leasing.aclose()


def _sent(scripted: Protocol) -> list[tuple[int, list[str]]]:
    return [
        (body.get("from", 0), [line["text"] for line in body["lines"]])
        for body in scripted.asked["logs"]
    ]


async def test_lines_of_a_running_handler_are_gathered(scripted: Protocol) -> None:
    async with dock(scripted) as made:
        run = made.run()
        for number in range(3):
            run.note_log("info", str(number))
        await until(lambda: scripted.asked["logs"])
        assert _sent(scripted) == [(0, ["0", "1", "2"])]
        assert scripted.asked["logs"][0]["fence"] == 1
        run.note_log("info", "later")
        await until(lambda: len(scripted.asked["logs"]) == 2)
        assert _sent(scripted)[1] == (3, ["later"])


async def test_finishing_sends_the_rest_before_it_goes_on(scripted: Protocol) -> None:
    async with dock(scripted) as made:
        run = made.run()
        run.note_log("info", "last words")
        await made.finish(run)
        assert _sent(scripted) == [(0, ["last words"])]


async def test_finishing_without_lines_goes_on_at_once(scripted: Protocol) -> None:
    async with dock(scripted) as made:
        done: list[int] = []
        made.shipper.finish(made.run(), lambda: done.append(1))
        assert done == [1]


async def test_finishing_while_lines_are_on_their_way_waits_for_them(scripted: Protocol) -> None:
    gate = threading.Event()

    def logs(body: Any) -> tuple[int, Any]:
        gate.wait(5)
        return 200, {"stored": 1}

    scripted.answers["logs"] = logs
    async with dock(scripted) as made:
        run = made.run()
        run.note_log("info", "first")
        await until(lambda: scripted.asked["logs"])
        run.note_log("info", "second")
        done: list[int] = []
        made.shipper.finish(run, lambda: done.append(1))
        await asyncio.sleep(0.05)
        assert done == []
        gate.set()
        await until(lambda: done)
        assert [text for _, texts in _sent(scripted) for text in texts] == ["first", "second"]


async def test_lines_from_threads_arrive_in_order(scripted: Protocol) -> None:
    async with dock(scripted) as made:
        run = made.run()

        def speak() -> None:
            for number in range(2_500):
                run.note_log("info", str(number))

        await asyncio.to_thread(speak)
        await made.finish(run)
        texts = [text for _, texts in _sent(scripted) for text in texts]
        assert texts == [str(number) for number in range(2_500)]


async def test_lines_are_sent_again_until_they_are_taken(scripted: Protocol) -> None:
    answers = [problem(503, "unavailable"), problem(404, "worker_unknown"), (200, {"stored": 1})]
    scripted.answers["logs"] = lambda _: answers.pop(0)
    async with dock(scripted) as made:
        run = made.run()
        run.note_log("info", "x")
        await made.finish(run)
        assert answers == []


@pytest.mark.parametrize(
    ("status", "code", "tries"),
    [
        (409, "lease_lost", 1),
        (413, "too_large", 1),
        (422, "invalid_input", 1),
        (404, "not_found", 1),
        (500, "internal_error", module.MAX_TRIES),
        (503, "unavailable", module.MAX_TRIES),
    ],
)
async def test_lines_that_are_not_taken_do_not_hold_the_report(
    scripted: Protocol, status: int, code: str, tries: int
) -> None:
    scripted.answers["logs"] = lambda _: problem(status, code)
    async with dock(scripted) as made:
        run = made.run()
        run.note_log("info", "x")
        await made.finish(run)
        assert len(scripted.asked["logs"]) == tries
        assert run.notes is not None
        assert run.notes.logs is not None
        assert len(run.notes.logs) == 0
