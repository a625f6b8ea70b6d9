"""From what happened to who is told: the outbox, rules, channels and retries."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.background.courier import MOST_OF_CHANNEL, Courier
from tenure.domain.clock import SECOND
from tenure.domain.ids import IdSource
from tenure.domain.notification import MAX_ATTEMPTS, Answer
from tenure.domain.run import Outcome
from tenure.notify.channel import Letter
from tenure.notify.webhook import Webhook
from tenure.outgoing.addresses import AllowList
from tenure.store import channels, deliveries, rules
from tenure.store import tables_notify as n
from tenure.store.channels import ChannelRow
from tenure.store.rules import RuleRow
from tests.background.rig import Rig
from tests.builders import report
from tests.notify.receiver import Receiver

pytestmark = pytest.mark.anyio

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Office:
    """A courier over a rig, with one receiver of webhooks."""

    def __init__(self, rig: Rig, receiver: Receiver) -> None:
        self.rig = rig
        self.receiver = receiver
        self.results: Counter[str] = Counter()
        self.courier = self.another()

    def another(self) -> Courier:
        ways = {"webhook": Webhook(AllowList.parse(["127.0.0.1"]))}
        return Courier(
            self.rig.committer, self.rig.reader, self.rig.clock, ways,
            lambda: 0.5, lambda result: self.results.update([result]),
        )  # fmt: skip

    async def channel(self, name: str = "hook", receiver: Receiver | None = None) -> str:
        id_ = IdSource().one(self.rig.now)
        url = (receiver or self.receiver).url
        row = ChannelRow(id_, name, "webhook", url, SECRET, None, None, None, None, self.rig.now)
        await self.rig.run(channels.add_channel, row)
        return id_

    async def rule(self, topic: str, channel_id: str, name: str = "r", **changes: Any) -> str:
        id_ = IdSource().one(self.rig.now)
        row = RuleRow(
            id_, name, topic, None, json.dumps([channel_id]), 1, 300 * SECOND, 0, 0, 1, self.rig.now
        )
        await self.rig.run(rules.add_rule, row._replace(**changes))
        await self.tick()
        return id_

    async def tick(self, courier: Courier | None = None) -> None:
        courier = courier or self.courier
        await courier.tick(self.rig.now)
        await courier.settled()

    async def fail(self, count: int = 1, **changes: Any) -> list[str]:
        """Submit, lease and fail jobs for good."""
        leased = await self.rig.leased(count, max_attempts=1, **changes)
        error = json.dumps({"type": "Oops", "message": "it broke", "traceback": "secret"})
        reports = [
            report(id_, outcome=Outcome.FAILED, result=None, error=error, retryable=False)
            for id_ in leased
        ]
        await self.rig.committer.report(reports)
        return leased

    async def log(self) -> list[deliveries.DeliveryRow]:
        last = "ffffffff-ffff-ffff-ffff-ffffffffffff"
        return await self.rig.reader.run(
            lambda unit: deliveries.list_deliveries(unit, {}, last, 1_000)
        )


@pytest.fixture
async def office(rig: Rig, receiver: Receiver) -> AsyncIterator[Office]:
    await rig.joined()
    made = Office(rig, receiver)
    yield made
    await made.courier.close()


async def _posted(rig: Rig) -> int:
    [(count,)] = await rig.rows(sa.select(sa.func.count()).select_from(n.outbox))
    return int(count)


async def test_without_a_rule_nothing_is_posted(office: Office) -> None:
    await office.tick()
    await office.fail()
    assert await _posted(office.rig) == 0


async def test_a_failed_job_is_told_of_once(office: Office) -> None:
    channel = await office.channel()
    await office.rule("job.failed", channel)
    [failed] = await office.fail(queue="default", tags=("a",))
    assert await _posted(office.rig) == 1
    await office.tick()
    await office.tick()
    [got] = office.receiver.got
    told = json.loads(got.body)
    assert told["type"] == "job.failed"
    assert (told["data"]["rule"], told["data"]["count"]) == ("r", 1)
    job = told["data"]["job"]
    assert (job["id"], job["type"], job["queue"], job["status"]) == (
        failed, "echo", "default", "failed",
    )  # fmt: skip
    assert job["error"] == {"type": "Oops", "message": "it broke"}
    [sent] = await office.log()
    assert got.headers["webhook-id"] == sent.id
    assert (sent.state, sent.status, sent.response, sent.attempts) == (
        "delivered", 200, "thanks", 1,
    )  # fmt: skip
    assert await _posted(office.rig) == 0
    assert office.results == {"delivered": 1}


async def test_only_what_the_rule_is_about(office: Office) -> None:
    channel = await office.channel()
    await office.rule("job.failed", channel, filter="tag:loud type:echo")
    leased = await office.rig.leased(1)
    await office.rig.committer.report([report(leased[0])])
    await office.fail(tags=("quiet",))
    [loud] = await office.fail(tags=("loud",))
    await office.tick()
    [got] = office.receiver.got
    assert json.loads(got.body)["data"]["job"]["id"] == loud


async def test_a_failed_attempt_is_made_again_under_its_id(office: Office) -> None:
    channel = await office.channel()
    await office.rule("job.failed", channel)
    office.receiver.status = 500
    await office.fail()
    await office.tick()
    await office.tick()
    assert len(office.receiver.got) == 1
    office.rig.later(5 * SECOND)
    office.receiver.status = 200
    await office.tick(office.another())
    first, second = office.receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert office.results == {"retried": 1, "delivered": 1}


async def test_after_a_day_it_has_failed_and_may_be_replayed(office: Office) -> None:
    channel = await office.channel()
    await office.rule("job.failed", channel)
    office.receiver.status = 503
    await office.fail()
    began = office.rig.now
    while True:
        await office.tick()
        [sent] = await office.log()
        if sent.state != "pending":
            break
        office.rig.later(sent.next_at - office.rig.now)
    assert (sent.state, sent.attempts, len(office.receiver.got)) == (
        "failed", MAX_ATTEMPTS, MAX_ATTEMPTS,
    )  # fmt: skip
    assert 20 * 3_600 * SECOND < office.rig.now - began < 28 * 3_600 * SECOND
    office.receiver.status = 200
    await office.rig.run(deliveries.replay, sent.id)
    await office.tick()
    [again] = await office.log()
    assert (again.id, again.state, again.attempts) == (sent.id, "delivered", 1)


async def test_gone_disables_the_channel(office: Office) -> None:
    channel = await office.channel()
    await office.rule("job.failed", channel)
    office.receiver.status = 410
    await office.fail()
    await office.tick()
    row = await office.rig.reader.run(lambda unit: channels.get_channel(unit, channel))
    assert row.disabled_at is not None
    assert "410" in str(row.disabled_reason)
    await office.fail()
    await office.tick()
    [sent] = await office.log()
    assert (sent.state, len(office.receiver.got)) == ("failed", 1)


async def test_a_claim_of_the_dead_is_taken_over(office: Office) -> None:
    channel = await office.channel()
    await office.rule("job.failed", channel)
    await office.fail()
    await office.courier.tick(office.rig.now)
    await office.courier.close()
    [sent] = await office.log()
    if sent.state == "pending":
        assert sent.attempts == 1
        office.rig.later(deliveries.CLAIM)
        await office.tick(office.another())
    assert {got.headers["webhook-id"] for got in await office.receiver.holds(1)} == {sent.id}
    [sent] = await office.log()
    assert sent.state == "delivered"


@pytest.fixture
async def stuck() -> AsyncIterator[Receiver]:
    """It takes requests and answers when it is told to."""
    made = Receiver()
    await made.start()
    made.open.clear()
    yield made
    await made.stop()


async def test_who_does_not_answer_keeps_nobody_else_waiting(
    office: Office, stuck: Receiver
) -> None:
    courier, freed = office.courier, asyncio.Event()
    courier.on_freed(freed.set)
    await office.rule("job.failed", await office.channel("stuck", stuck), "stuck")
    await office.rule("job.failed", await office.channel("well"), "well", filter="tag:well")
    await office.fail(50)
    for _ in range(10):
        await courier.tick(office.rig.now)
    await stuck.holds(MOST_OF_CHANNEL)
    await office.fail(1, tags=("well",))
    for _ in range(3):
        await courier.tick(office.rig.now)
    assert len(await office.receiver.holds(1)) == 1
    assert len(stuck.got) == MOST_OF_CHANNEL
    assert not freed.is_set()
    stuck.open.set()
    async with asyncio.timeout(30):
        await freed.wait()
        while len(stuck.got) < 51:
            await office.tick()
    assert {one.state for one in await office.log()} == {"delivered"}


class Broken:
    async def send(self, letter: Letter, now: int) -> Answer:
        raise RuntimeError("inside a library")


async def test_a_channel_that_breaks_is_a_failed_attempt(office: Office) -> None:
    rig = office.rig
    ways = {"webhook": Broken()}
    broken = Courier(rig.committer, rig.reader, rig.clock, ways, lambda: 0.5, lambda _: None)
    await office.rule("job.failed", await office.channel())
    await office.fail()
    await office.tick(broken)
    [sent] = await office.log()
    assert (sent.state, sent.attempts) == ("pending", 1)
    assert "inside a library" in str(sent.error)
    rig.later(6 * SECOND)
    await office.tick()
    assert [one.state for one in await office.log()] == ["delivered"]


async def test_thresholds_cool_downs_and_recoveries(office: Office) -> None:
    channel = await office.channel()
    changes: dict[str, Any] = {"threshold": 3, "cool_down": 600 * SECOND, "recovery": 1}
    await office.rule("job.failed", channel, **changes)
    await office.fail(2)
    await office.tick()
    assert office.receiver.got == []
    await office.fail(2)
    await office.tick()
    [got] = office.receiver.got
    assert json.loads(got.body)["data"]["count"] == 3
    await office.fail(5)
    await office.tick()
    assert len(office.receiver.got) == 1
    office.rig.later(301 * SECOND)
    await office.tick()
    assert json.loads(office.receiver.got[1].body)["type"] == "job.failed.recovered"
    await office.tick()
    assert len(office.receiver.got) == 2


async def test_a_silent_worker_is_told_of(office: Office) -> None:
    from tenure.store.workers import reap

    channel = await office.channel()
    await office.rule("worker.lost", channel)
    office.rig.later(31 * SECOND)
    await office.rig.run(reap, office.rig.terms)
    await office.tick()
    [got] = office.receiver.got
    assert json.loads(got.body)["data"]["worker"]["name"] == "w"
