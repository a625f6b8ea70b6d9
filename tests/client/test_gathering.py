from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tenure.client.call import Call
from tenure.client.gathering import MAX_GATHERED, MAX_GATHERED_BYTES, Gatherer
from tenure.client.submission import EncodedJob, Submitted, encode_job
from tenure.domain.errors import InvalidInput, TenureError, Unavailable, Unreachable

pytestmark = pytest.mark.anyio
Answer = Callable[[list[str]], Any]


def job(name: str) -> EncodedJob:
    return encode_job(name, None, {})


class Sent:
    """Takes calls in place of a client; `gate` holds every answer back while it is closed."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.requests: list[tuple[str, list[str]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._answer = answer or (lambda names: [Submitted(name) for name in names])

    async def run(self, call: Call[Any]) -> Any:
        assert call.repeatable
        told = json.loads(call.body or b"")
        many = isinstance(told, list)
        names = [one["type"] for one in (told if many else [told])]
        self.requests.append((call.path, names))
        await self.gate.wait()
        answers = self._answer(names)
        return answers if many else answers[0]


async def test_a_lone_submit_leaves_at_once_and_alone() -> None:
    sent = Sent()
    gatherer = Gatherer(sent.run)
    assert await gatherer.submit(job("a")) == Submitted("a")
    assert await gatherer.submit(job("b")) == Submitted("b")
    assert sent.requests == [("/api/jobs", ["a"]), ("/api/jobs", ["b"])]


async def test_submits_of_one_moment_travel_together() -> None:
    sent = Sent()
    gatherer = Gatherer(sent.run)
    names = [f"n{n}" for n in range(10)]
    answers = await asyncio.gather(*(gatherer.submit(job(name)) for name in names))
    assert [answer.id for answer in answers] == names
    assert sent.requests == [("/api/jobs/batch?atomic=false", names)]


async def test_what_comes_during_a_round_trip_waits_for_the_next() -> None:
    sent = Sent()
    sent.gate.clear()
    gatherer = Gatherer(sent.run)
    first = asyncio.create_task(gatherer.submit(job("a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.create_task(gatherer.submit(job(name))) for name in ("b", "c")]
    await asyncio.sleep(0)
    sent.gate.set()
    assert [(await task).id for task in (first, *later)] == ["a", "b", "c"]
    assert [names for _, names in sent.requests] == [["a"], ["b", "c"]]


async def test_requests_are_bounded_by_count_and_bytes() -> None:
    sent = Sent()
    gatherer = Gatherer(sent.run)
    await asyncio.gather(*(gatherer.submit(job("a")) for _ in range(2 * MAX_GATHERED + 1)))
    assert [len(names) for _, names in sent.requests] == [MAX_GATHERED, MAX_GATHERED, 1]
    sent.requests.clear()
    big = encode_job("a", "x" * (MAX_GATHERED_BYTES // 2), {})
    await asyncio.gather(*(gatherer.submit(big) for _ in range(3)))
    assert [len(names) for _, names in sent.requests] == [1, 1, 1]


async def test_a_refused_job_is_the_error_of_its_caller_alone() -> None:
    def answer(names: list[str]) -> list[Submitted | TenureError]:
        return [InvalidInput("no") if name == "bad" else Submitted(name) for name in names]

    gatherer = Gatherer(Sent(answer).run)
    good, bad = await asyncio.gather(
        gatherer.submit(job("good")), gatherer.submit(job("bad")), return_exceptions=True
    )
    assert good == Submitted("good")
    assert isinstance(bad, InvalidInput)


async def test_a_failed_request_is_the_error_of_all_its_callers_and_of_nobody_else() -> None:
    failures = [Unavailable("away", retry_after=2.0)]

    def answer(names: list[str]) -> list[Submitted]:
        if failures:
            raise failures.pop()
        return [Submitted(name) for name in names]

    gatherer = Gatherer(Sent(answer).run)
    caught = await asyncio.gather(
        *(gatherer.submit(job(name)) for name in "ab"), return_exceptions=True
    )
    assert [type(error) for error in caught] == [Unavailable, Unavailable]
    assert caught[0] is not caught[1]
    assert [error.retry_after for error in caught if isinstance(error, Unavailable)] == [2.0, 2.0]
    assert await gatherer.submit(job("c")) == Submitted("c")


async def test_an_answer_of_the_wrong_length_reaches_every_caller() -> None:
    gatherer = Gatherer(Sent(lambda names: [Submitted(name) for name in names[1:]]).run)
    caught = await asyncio.gather(
        *(gatherer.submit(job(name)) for name in "ab"), return_exceptions=True
    )
    assert [type(error) for error in caught] == [TenureError, TenureError]


async def test_a_caller_that_leaves_before_its_job_was_sent_takes_it_back() -> None:
    sent = Sent()
    sent.gate.clear()
    gatherer = Gatherer(sent.run)
    first = asyncio.create_task(gatherer.submit(job("a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    leaves = asyncio.create_task(gatherer.submit(job("b")))
    stays = asyncio.create_task(gatherer.submit(job("c")))
    await asyncio.sleep(0)
    leaves.cancel()
    sent.gate.set()
    assert [(await first).id, (await stays).id] == ["a", "c"]
    assert [names for _, names in sent.requests] == [["a"], ["c"]]


async def test_closing_leaves_nobody_waiting() -> None:
    sent = Sent()
    sent.gate.clear()
    gatherer = Gatherer(sent.run)
    waiting = [asyncio.create_task(gatherer.submit(job(name))) for name in "ab"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(gatherer.submit(job("c"))))
    await asyncio.sleep(0)
    await gatherer.close()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unreachable] * 3
    with pytest.raises(Unreachable):
        await gatherer.submit(job("d"))
