"""Notifications in both Python clients."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from anyio import to_thread

from tenure.client.asynchronous import AsyncClient
from tenure.client.blocking import Client
from tenure.domain.errors import Conflict, InvalidInput, NotFound
from tests.client.conftest import PATIENCE
from tests.worker.running import Running

pytestmark = pytest.mark.anyio

URL = "http://127.0.0.1:9/hook"


@pytest.fixture
async def client(running: Running) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(running.url, patience=PATIENCE) as made:
        yield made


async def test_awaited(client: AsyncClient) -> None:
    told = client.notifications
    made = await told.add_channel("async", "webhook", url=URL)
    assert (await told.rotate("async")).secret != made.secret
    assert "async" in [channel.name for channel in await told.channels()]
    assert (await told.change_channel("async", name="a2")).name == "a2"
    rule = await told.add_rule("async", "job.failed", channels=["a2"], threshold=2)
    assert "async" in [one.name for one in await told.rules()]
    assert (await told.change_rule(rule.id, enabled=False)).enabled is False
    sent = await told.test("a2")
    assert (await told.delivery(sent.id)).id == sent.id
    assert [one.id for one in await told.deliveries(channel="a2")] == [sent.id]
    assert (await told.replay(sent.id)).id == sent.id
    with pytest.raises(Conflict, match="names this channel"):
        await told.delete_channel("a2")
    await told.delete_rule("async")
    await told.delete_channel("a2")
    with pytest.raises(NotFound):
        await told.test("a2")


def _blocking(url: str) -> None:
    with Client(url, patience=PATIENCE) as client:
        told = client.notifications
        made = told.add_channel("blocking", "webhook", url=URL)
        assert told.rotate("blocking").secret != made.secret
        assert "blocking" in [channel.name for channel in told.channels()]
        rule = told.add_rule("blocking", "job.failed", channels=["blocking"])
        assert "blocking" in [one.name for one in told.rules()]
        assert told.change_rule(rule.id, filter="queue:mail").filter == "queue:mail"
        with pytest.raises(InvalidInput, match="event"):
            told.add_rule("wrong", "job.lots", channels=["blocking"])
        sent = told.test("blocking")
        assert told.delivery(sent.id).event == "test"
        assert [one.id for one in told.deliveries(channel="blocking")] == [sent.id]
        assert told.replay(sent.id).id == sent.id
        assert told.change_channel("blocking", disabled=True).disabled
        told.delete_rule("blocking")
        told.delete_channel("blocking")


async def test_blocking(running: Running) -> None:
    await to_thread.run_sync(_blocking, running.url)
