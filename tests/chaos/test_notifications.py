"""kill -9 of the coordinator between commit and delivery: the message arrives, under its id."""

from __future__ import annotations

import pytest

from tests.chaos.processes import Processes, until
from tests.notify.receiver import Receiver

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]


async def test_what_was_committed_is_told(processes: Processes, database_url: str) -> None:
    receiver = Receiver()
    await receiver.start()
    await receiver.stop()  # nobody listens yet, at a port that is known
    coordinator = processes.coordinator(database_url, TENURE_HTTP_ALLOW="127.0.0.1")
    await coordinator.ready()
    async with coordinator.client(30) as client:
        told = client.notifications
        await told.add_channel("hook", "webhook", url=receiver.url)
        await told.add_rule("cancelled", "job.cancelled", channels=["hook"])
        job = await client.submit("kept")
        await client.cancel(job.id)
        [sent] = await until(told.deliveries)
        coordinator.kill()
        await receiver.start(receiver.port)
        await coordinator.restart()
        got = await receiver.holds(1, 180)  # one that was being sent is tried again later
        assert got[0].headers["webhook-id"] == sent.id
        assert job.id in got[0].body

        async def delivered() -> bool:
            return (await told.delivery(sent.id)).status == "delivered"

        await until(delivered)
    await receiver.stop()
