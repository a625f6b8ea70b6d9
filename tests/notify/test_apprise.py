"""Apprise: a real service of it, on loopback."""

from __future__ import annotations

import json

import pytest

from tenure.notify.apprise import Apprise
from tenure.notify.channel import Letter
from tenure.outgoing.addresses import AllowList
from tests.builders import NOW
from tests.notify.receiver import Receiver

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # inside the library
]

BODY = json.dumps({"type": "test", "timestamp": "x", "data": {"rule": "r"}})


async def test_a_message_arrives(receiver: Receiver) -> None:
    way = Apprise(AllowList.parse(["127.0.0.1"]))
    answer = await way.send(Letter("1", BODY, f"json://127.0.0.1:{receiver.port}/x"), NOW)
    assert answer.ok, answer
    [got] = receiver.got
    assert json.loads(got.body)["title"] == "Tenure: test r"


async def test_what_does_not_work_is_a_failure(receiver: Receiver) -> None:
    url = f"json://127.0.0.1:{receiver.port}/x"
    refused = await Apprise(AllowList.parse([])).send(Letter("1", BODY, url), NOW)
    assert "not a public address" in str(refused.error)
    assert receiver.got == []
    way = Apprise(AllowList.parse(["127.0.0.1"]))
    assert not (await way.send(Letter("1", BODY, "pigeon://nowhere"), NOW)).ok
    receiver.status = 500
    assert not (await way.send(Letter("1", BODY, url), NOW)).ok
