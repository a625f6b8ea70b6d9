"""Callers that leave: over real sockets, because only a connection can be cut."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from tenure.api.exchange import Incoming, answer, bounded_wait, header
from tenure.domain.errors import InvalidInput, MalformedBody
from tests.api.calls import Api, Member, fresh_queue

pytestmark = pytest.mark.anyio


class Cut:
    """An acquire on a connection of its own, which the test cuts."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def acquire(cls, member: Member, wait: float = 20.0, slots: int = 1) -> Cut:
        body = json.dumps(
            {
                "worker_id": member.id, "queues": member.queues, "types": member.types,
                "slots": slots, "wait_seconds": wait,
            }
        ).encode()  # fmt: skip
        url = member.api.client.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = (
            f"POST /api/jobs/acquire HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        return cls(reader, writer)

    async def close(self, *, rudely: bool = False) -> None:
        if rudely:
            self._writer.transport.abort()
        else:
            self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)

    async def answered(self) -> bytes:
        return await asyncio.wait_for(self._reader.readline(), 5)


def _waits(sockets: Api, member: Member) -> bool:
    return member.id in sockets.coordinator.wakeups.waiting_workers()


async def _until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("rudely", [False, True])
async def test_a_poll_that_is_cut_while_it_waits_takes_nothing(sockets: Api, rudely: bool) -> None:
    queue = fresh_queue()
    gone, other = await sockets.register(queue), await sockets.register(queue)
    cut = await Cut.acquire(gone)
    await _until(partial(_waits, sockets, gone))
    await cut.close(rudely=rudely)
    await _until(lambda: not _waits(sockets, gone))
    [job_id] = await sockets.submit(queue)
    job = await sockets.job(job_id)
    assert (job["status"], job["attempt"]) == ("pending", 0)
    [lease] = await other.acquire()
    assert (lease["job_id"], lease["fence"], lease["attempt"]) == (job_id, 1, 1)


async def test_a_poll_cut_at_the_moment_of_the_submit_keeps_nothing(sockets: Api) -> None:
    """Whether the lease was made before or after the cut, another worker gets the job."""
    for round_ in range(8):
        queue = fresh_queue()
        gone, other = await sockets.register(queue), await sockets.register(queue)
        cut = await Cut.acquire(gone)
        await _until(partial(_waits, sockets, gone))
        submitting = asyncio.create_task(sockets.submit(queue))
        for _ in range(round_ % 6):
            await asyncio.sleep(0)
        await cut.close(rudely=True)
        [job_id] = await submitting
        async with asyncio.timeout(5):
            while not (leases := await other.acquire(wait=0.1)):
                job = await sockets.job(job_id)
                if job["status"] == "running":  # the answer left before the cut: see heartbeats
                    await sockets.client.delete(f"/api/workers/{gone.id}")
        assert (leases[0]["job_id"], leases[0]["attempt"]) == (job_id, 1)


async def test_a_lease_made_for_a_caller_who_has_left_is_given_back(sockets: Api) -> None:
    queue = fresh_queue()
    gone, other = await sockets.register(queue), await sockets.register(queue)
    [job_id] = await sockets.submit(queue)
    left = asyncio.Event()
    claim = sockets.coordinator.committer.claim

    async def slow_claim(item: Any) -> Any:
        claimed = await claim(item)
        if item.worker_id == gone.id:
            assert len(claimed.rows) == 1
            await left.wait()
        return claimed

    sockets.coordinator.committer.claim = slow_claim  # type: ignore[method-assign]
    try:
        cut = await Cut.acquire(gone)
        while (await sockets.job(job_id))["status"] != "running":
            await asyncio.sleep(0.002)
        await cut.close(rudely=True)
        await asyncio.sleep(0.05)
        left.set()
        [lease] = await other.acquire(wait=5)
    finally:
        sockets.coordinator.committer.claim = claim  # type: ignore[method-assign]
    assert (lease["job_id"], lease["fence"], lease["attempt"]) == (job_id, 2, 1)


async def test_a_waiting_reader_that_leaves_is_forgotten(sockets: Api) -> None:
    [job_id] = await sockets.submit(fresh_queue())
    url = sockets.client.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"GET /api/jobs/{job_id}?wait=20 HTTP/1.1\r\nHost: {url.host}\r\n\r\n".encode())
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.transport.abort()
    assert (await sockets.client.post(f"/api/jobs/{job_id}/cancel")).status_code == 200


async def test_a_body_that_never_comes_holds_nobody(sockets: Api) -> None:
    url = sockets.client.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST /api/jobs HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + b"Content-Length: 100\r\n\r\n{")
    await writer.drain()
    assert (await sockets.client.get("/health")).status_code == 200
    writer.transport.abort()
    assert await sockets.submit(fresh_queue())


async def test_a_body_longer_than_it_says_it_is(sockets: Api) -> None:
    url = sockets.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST /api/jobs HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    for _ in range(12):
        writer.write(chunk)
        await asyncio.sleep(0)
    writer.write(b"0\r\n\r\n")
    assert b" 413 " in await asyncio.wait_for(reader.readline(), 5)
    writer.transport.abort()


async def test_answers_stream_over_one_connection(sockets: Api) -> None:
    member = await sockets.register(fresh_queue())
    cut = await Cut.acquire(member, wait=0.02)
    assert b" 200 " in await cut.answered()
    await cut.close()


def test_waits_are_bounded() -> None:
    assert bounded_wait(1e9, "wait") == 60.0
    assert bounded_wait(0.5, "wait") == 0.5
    for wrong in (-0.1, float("nan"), float("-inf")):
        with pytest.raises(InvalidInput):
            bounded_wait(wrong, "wait")


def _incoming(*headers: tuple[bytes, bytes]) -> Incoming:
    scope: Any = {"type": "http", "headers": list(headers)}
    return Incoming(scope)


@pytest.mark.parametrize("wrong", [b"-1", b"1e3", b"", "\u00b2".encode("latin-1")])
def test_a_length_that_is_no_number_is_refused(wrong: bytes) -> None:
    with pytest.raises(MalformedBody, match="Content-Length"):
        _ = _incoming((b"content-length", wrong)).content_length


def test_the_first_header_counts() -> None:
    request = _incoming((b"content-length", b"12"), (b"a", b"1"), (b"a", b"2"))
    assert (request.content_length, header(request, b"a"), header(request, b"b")) == (12, "1", None)
    assert _incoming().content_length is None


async def test_an_answer_is_sent_as_it_is() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await answer({"a": 1}, 201, {"Location": "/x"})(_incoming().scope, _nothing, send)
    assert sent[0]["status"] == 201
    assert dict(sent[0]["headers"]) == {
        b"content-type": b"application/json", b"content-length": b"7", b"location": b"/x",
    }  # fmt: skip
    assert sent[1] == {"type": "http.response.body", "body": b'{"a":1}', "more_body": False}


async def _nothing() -> Any:
    raise AssertionError("an answer reads nothing")
