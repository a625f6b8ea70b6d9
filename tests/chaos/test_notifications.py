"""kill -9 of the coordinator between commit and delivery: the message arrives, under its id."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.chaos.processes import Processes, until
from tests.notify.receiver import Receiver

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Nobody listens yet, at a port that is known."""
    made = Receiver()
    await made.start()
    await made.stop()
    yield made
    await made.stop()


async def test_what_was_committed_is_told(
    processes: Processes, database_url: str, receiver: Receiver
) -> None:
    coordinator = processes.coordinator(database_url, TENURE_HTTP_ALLOW="127.0.0.1")
    await coordinator.ready()
    async with coordinator.client(30) as client:
        told = client.notifications
        await told.add_channel("hook", "webhook", url=receiver.url)
        await told.add_rule("cancelled", "job.cancelled", channels=["hook"])
        job = await client.submit("kept")
        await client.cancel(job.id)

        async def tried() -> str | None:
            # A claim of the dead lasts a minute, so the kill waits for the end of an attempt.
            return next((one.id for one in await told.deliveries() if one.error), None)

        sent = await until(tried)
        coordinator.kill()
        await receiver.start(receiver.port)
        await coordinator.restart()
        got = await receiver.holds(1, 180)
        assert got[0].headers["webhook-id"] == sent
        assert job.id in got[0].body

        async def delivered() -> bool:
            return (await told.delivery(sent)).status == "delivered"

        await until(delivered)
