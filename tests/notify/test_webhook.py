"""Webhooks: what receivers get, and what their answers mean."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from tenure.notify.channel import Letter
from tenure.notify.webhook import MAX_RESPONSE, Webhook, signature
from tenure.outgoing.addresses import AllowList
from tests.builders import NOW
from tests.notify.receiver import Receiver

pytestmark = pytest.mark.anyio

LOCAL = AllowList.parse(["127.0.0.1"], "TENURE_HTTP_ALLOW")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_" + base64.b64encode(b"another secret of 32 bytes......").decode()


def expected(secret: str, content: str) -> str:
    """As the specification says, with the standard library's oldest way."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return (
        "v1," + base64.b64encode(hmac.new(key, content.encode(), hashlib.sha256).digest()).decode()
    )


def test_the_example_of_the_specification() -> None:
    body = '{"test": 2432232314}'
    found = signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, [SECRET])
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_message_is_signed_by_every_secret(receiver: Receiver) -> None:
    letter = Letter("an-id", '{"type":"test","a":"\u00e9"}', receiver.url, (SECRET, OLD))
    answer = await Webhook(LOCAL).send(letter, NOW)
    assert (answer.ok, answer.status, answer.response) == (True, 200, "thanks")
    [got] = receiver.got
    assert got.body == letter.body
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "an-id"
    assert got.headers["webhook-timestamp"] == str(NOW // 1_000_000)
    content = f"an-id.{NOW // 1_000_000}.{letter.body}"
    assert got.headers["webhook-signature"].split(" ") == [
        expected(SECRET, content), expected(OLD, content),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "gone"), [(302, False), (404, False), (410, True), (500, False)]
)
async def test_other_answers_are_failures(receiver: Receiver, status: int, gone: bool) -> None:
    receiver.status, receiver.text = status, "x" * (MAX_RESPONSE + 10)
    answer = await Webhook(LOCAL).send(Letter("1", "{}", receiver.url, (SECRET,)), NOW)
    assert (answer.ok, answer.status, answer.gone) == (False, status, gone)
    assert answer.response == "x" * MAX_RESPONSE
    assert answer.error == f"HTTP {status}"


async def test_addresses_that_are_not_public_are_refused(receiver: Receiver) -> None:
    guarded = Webhook(AllowList.parse([], "TENURE_HTTP_ALLOW"))
    answer = await guarded.send(Letter("1", "{}", receiver.url, (SECRET,)), NOW)
    assert not answer.ok
    assert "TENURE_HTTP_ALLOW" in str(answer.error)
    assert receiver.got == []


async def test_nobody_listens(receiver: Receiver) -> None:
    url = receiver.url
    await receiver.stop()
    answer = await Webhook(LOCAL).send(Letter("1", "{}", url, (SECRET,)), NOW)
    assert (answer.ok, answer.status) == (False, None)
    assert "ConnectError" in str(answer.error)
