from __future__ import annotations

import asyncio
import inspect
import os

import httpcore
import pytest

from tenure.client.asynchronous import AsyncClient
from tenure.client.blocking import Client
from tenure.client.transport import AsyncTransport
from tenure.domain.errors import InvalidInput, Unreachable
from tests.client.conftest import PATIENCE
from tests.client.scripted import Reply, scripted
from tests.worker.running import Running

pytestmark = pytest.mark.anyio


class Counting(httpcore.AsyncConnectionPool):
    """The network, counted."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        self.paths.append(request.url.target.decode())
        return await super().handle_async_request(request)


async def test_a_thousand_submits_are_a_few_requests(running: Running) -> None:
    network = Counting()
    async with AsyncClient(running.url, patience=PATIENCE, pool=network) as client:
        made = await asyncio.gather(*(client.submit("gathered", n) for n in range(1000)))
        assert len({one.id for one in made}) == 1000
        assert len(network.paths) <= 3
        jobs = await asyncio.gather(*(client.get(made[n].id) for n in (0, 1, 500, 999)))
    assert [job.payload for job in jobs] == [0, 1, 500, 999]


async def test_a_wrong_one_among_many_fails_alone(running: Running) -> None:
    async with AsyncClient(running.url, patience=PATIENCE) as client:
        answers = await asyncio.gather(
            client.submit("a"), client.submit("a", priority=1000), client.submit("a"),
            return_exceptions=True,
        )  # fmt: skip
    assert isinstance(answers[1], InvalidInput)
    assert not isinstance(answers[0], BaseException)
    assert not isinstance(answers[2], BaseException)


async def test_a_key_is_the_same_alone_and_in_company(running: Running) -> None:
    async with AsyncClient(running.url, patience=PATIENCE) as client:
        alone = await client.submit("kept", {"n": 1}, idempotency_key="company")
        again, _ = await asyncio.gather(
            client.submit("kept", {"n": 1}, idempotency_key="company"), client.submit("other")
        )
        first, _ = await asyncio.gather(
            client.submit("kept", {"n": 2}, idempotency_key="alone"), client.submit("other")
        )
        later = await client.submit("kept", {"n": 2}, idempotency_key="alone")
    assert (again.id, again.existing) == (alone.id, True)
    assert (later.id, later.existing) == (first.id, True)


async def test_a_closed_client_submits_nothing(running: Running) -> None:
    client = AsyncClient(running.url)
    await client.aclose()
    with pytest.raises(Unreachable, match="closed"):
        await client.submit("late")


def test_both_clients_have_the_same_methods() -> None:
    ours, theirs = (
        {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
        for kind in (AsyncClient, Client)
    )
    assert ours.keys() - {"aclose"} == theirs.keys() - {"close"}
    for name in ours.keys() & theirs.keys():
        if isinstance(ours[name], property):
            continue
        mine = inspect.signature(ours[name]).parameters
        assert mine == inspect.signature(theirs[name]).parameters, name


async def test_address_and_token_come_from_the_settings_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing = Reply(body=b'{"items": []}')
    with scripted(nothing) as ours, scripted(nothing) as other:
        monkeypatch.setitem(os.environ, "TENURE_COORDINATOR_URL", ours.url)
        monkeypatch.setitem(os.environ, "TENURE_TOKEN", "s3cret")
        for url, server in ((None, ours), (other.url, other)):
            async with AsyncClient(url) as client:
                assert client.url == server.url
                await client.page()
    sent = [server.asked[0].headers.get("Authorization") for server in (ours, other)]
    assert sent == ["Bearer s3cret", None]


async def test_a_cancelled_request_drops_its_connection(running: Running) -> None:
    async with AsyncTransport(running.url) as transport:
        poll = asyncio.create_task(transport.request("GET", "/api/jobs/next?wait=30"))
        await asyncio.sleep(0.01)
        poll.cancel()
        await asyncio.wait([poll])
        answer = await transport.request("GET", "/health")
    assert answer.status == 200
