"""Live events in both clients, against a coordinator that runs."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

import anyio
import pytest

from tenure.client.asynchronous import AsyncClient
from tenure.client.blocking import Client
from tenure.client.listening import Listener, LiveEvent
from tenure.client.retrying import Patience
from tenure.domain.errors import InvalidInput, JobNotFound, TenureError, Unreachable
from tests.client.conftest import PATIENCE
from tests.client.scripted import Reply, scripted
from tests.worker.running import Running

pytestmark = pytest.mark.anyio
NUMBERS = (
    b'{"as_of":"2026-01-31T00:00:00Z","active":{"pending":2},"workers":1,"slots":4,'
    b'"totals":{"submitted":3},"start_delay_seconds":{"p50":null}}'
)
STATS = b"id: a-1\nevent: stats\ndata: %b\n\n" % NUMBERS


def change(number: int, topic: str = "jobs") -> bytes:
    return b'id: a-%d\nevent: change\ndata: {"topic":"%b"}\n\n' % (number, topic.encode())


def listener(*topics: str, after: str | None = None) -> Listener:
    return Listener(topics, after, Patience(retry_for=1.0))


def test_events_have_a_type_each() -> None:
    resync, later = b"id: a-3\nevent: resync\ndata: {}\n\n", b"id: a-4\nevent: later\ndata: 1\n\n"
    heard = listener()
    stats, changed, missed = heard.take(b":\n\n" + STATS + change(2, "queue:q") + resync + later)
    assert stats.stats is not None
    assert (stats.kind, stats.stats.active, stats.stats.slots) == ("stats", {"pending": 2}, 4)
    assert changed == LiveEvent("a-2", "change", topic="queue:q")
    assert missed == LiveEvent("a-3", "resync")
    assert heard.headers == {"Last-Event-ID": "a-4"}
    assert not heard.ended


def test_the_topics_and_the_place_to_go_on_are_sent() -> None:
    heard = listener("job:x", "stats", after="b-7")
    assert heard.path == "/api/events?topics=job%3Ax%2Cstats"
    assert heard.headers == {"Last-Event-ID": "b-7"}
    assert (listener().path, listener().headers) == ("/api/events", {})


def test_another_kind_of_answer_is_an_error() -> None:
    with pytest.raises(TenureError, match="not one of a coordinator"):
        listener().take(b"id: a-1\nevent: stats\ndata: {}\n\n")


def test_a_broken_stream_is_taken_up_behind_the_last_event() -> None:
    streams = (STATS + change(2), change(3)[:10], change(3) + change(4))
    quick = Patience(retry_for=5.0, first_delay=0.001)
    replies = [Reply(body=body) for body in streams]
    with scripted(*replies) as server:
        with Client(server.url, patience=quick) as client:
            events = takewhile(lambda event: event.id != "a-4", client.listen("stats", "jobs"))
            assert [event.id for event in events] == ["a-1", "a-2", "a-3"]
        sent = [asked.headers.get("Last-Event-ID") for asked in server.asked]
    assert sent == [None, "a-2", "a-2"]


async def test_a_job_tells_of_its_change(running: Running) -> None:
    async with AsyncClient(running.url, patience=PATIENCE) as client:
        made = await client.submit("heard")
        kinds = []
        with anyio.fail_after(20):
            async for event in client.listen(f"job:{made.id[:13]}", "stats"):
                kinds.append(event.kind)
                if event.topic == f"job:{made.id}":
                    break
                if len(kinds) == 1:
                    await client.cancel(made.id)
    assert kinds[0] == "stats"
    assert kinds[-1] == "change"


async def test_a_restart_of_the_coordinator_is_a_resync(running: Running) -> None:
    def heard(client: Client) -> list[str]:
        kinds = []
        for event in client.listen("stats"):
            kinds.append(event.kind)
            if event.kind == "resync":
                return kinds
        return kinds

    with Client(running.url, patience=PATIENCE) as client, ThreadPoolExecutor(1) as pool:
        kinds = pool.submit(heard, client)
        with anyio.fail_after(20):
            while not running.coordinator.live.listeners:
                await asyncio.sleep(0.01)
        await anyio.to_thread.run_sync(running.stop)
        running.start()
        assert kinds.result(20)[-1] == "resync"


async def test_what_cannot_be_listened_to_is_said(running: Running) -> None:
    with Client(running.url, patience=PATIENCE) as client:
        with pytest.raises(InvalidInput, match="topics"):
            next(client.listen("nothing"))
        with pytest.raises(JobNotFound):
            next(client.listen("job:" + "0" * 36))
    with (
        Client("http://127.0.0.1:9", patience=Patience(retry_for=0.0)) as client,
        pytest.raises(Unreachable),
    ):
        next(client.listen())
