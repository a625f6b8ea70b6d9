"""From what happens over HTTP to who is told: the signed message arrives, on both stores."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from email import message_from_bytes
from typing import Any

import pytest

from tenure.settings import Settings
from tests.api.calls import Api, fresh_queue
from tests.api.conftest import serving
from tests.notify.mailbox import Mailbox, open_mailbox
from tests.notify.receiver import Received, Receiver

pytestmark = pytest.mark.anyio

BASE = "/api/notifications"
SECONDS = 60


@pytest.fixture(scope="module")
async def mailbox(anyio_backend: object) -> AsyncIterator[Mailbox]:
    async with open_mailbox() as box:
        yield box


@pytest.fixture(scope="module")
async def api(database_url: str, mailbox: Mailbox) -> AsyncIterator[Api]:
    """An application that may post to this machine, and has a server for its mail."""
    settings = Settings(database_url=database_url, http_allow=("127.0.0.1",), smtp_url=mailbox.url)
    async with serving(settings) as found:
        yield found


async def post(api: Api, path: str, **body: Any) -> dict[str, Any]:
    answer = await api.client.post(path, json=body)
    assert answer.status_code in (201, 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def watch(api: Api, receiver: Receiver, event: str, **terms: Any) -> dict[str, Any]:
    """A webhook to the receiver and a rule of its own; the channel with its secret."""
    name = fresh_queue()
    channel = await post(api, f"{BASE}/channels", name=name, kind="webhook", url=receiver.url)
    await post(api, f"{BASE}/rules", name=name, event=event, channels=[name], **terms)
    return channel


async def quiet(api: Api, channel: dict[str, Any]) -> None:
    """Delete the rule again: other tests cause the same events."""
    answer = await api.client.delete(f"{BASE}/rules/{channel['name']}")
    assert answer.status_code == 204


def opened(got: Received, *secrets: str) -> dict[str, Any]:
    """The message, checked as the specification wants it, by every secret in turn."""
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.{got.body}"
    signatures = got.headers["webhook-signature"].split(" ")
    assert signatures == [f"v1,{_signed(secret, content)}" for secret in secrets]
    found: dict[str, Any] = json.loads(got.body)
    assert found.keys() == {"type", "timestamp", "data"}
    return found


def _signed(secret: str, content: str) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.digest(key, content.encode(), hashlib.sha256)).decode()


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """The first true answer."""
    async with asyncio.timeout(SECONDS):
        while not (found := await look()):
            await asyncio.sleep(0.02)
    return found


async def delivery(api: Api, got: Received, status: str) -> dict[str, Any]:
    """What the log says of a message, once it says this."""
    path = f"{BASE}/deliveries/{got.headers['webhook-id']}"

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = (await api.client.get(path)).json()
        return found if found["status"] == status else None

    told: dict[str, Any] = await until(look)
    return told


async def test_failed_jobs_that_fit_the_filter(api: Api, receiver: Receiver) -> None:
    queue = fresh_queue()
    terms = {"filter": f"queue:{queue} tag:loud", "threshold": 2, "window_seconds": 3_600}
    channel = await watch(api, receiver, "job.failed", **terms)
    member = await api.register(queue)
    await api.submit(queue, 3, max_attempts=1)
    loud = await api.submit(queue, 2, max_attempts=1, tags=["loud"])
    for lease in await member.acquire(5):
        error = {"type": "Oops", "message": "it broke"}
        await member.complete(lease, outcome="failed", error=error, retryable=False)
    [got] = await receiver.holds(1, SECONDS)
    told = opened(got, channel["secret"])
    assert (told["type"], told["data"]["count"]) == ("job.failed", 2)
    job = told["data"]["job"]
    assert (job["id"], job["status"], job["tags"]) == (loud[1], "failed", ["loud"])
    assert job["error"] == {"type": "Oops", "message": "it broke"}
    logged = await delivery(api, got, "delivered")
    assert (logged["attempts"], logged["response_status"], logged["response"]) == (1, 200, "thanks")
    assert logged["body"] == told
    await quiet(api, channel)


async def test_workflows_that_end(api: Api, receiver: Receiver) -> None:
    finished = await watch(api, receiver, "workflow.finished")
    failed = await watch(api, receiver, "workflow.failed")
    queue = fresh_queue()
    member = await api.register(queue)
    ids = []
    for outcome in ("completed", "failed"):
        jobs = [
            {"key": "a", "type": "echo", "queue": queue},
            {"key": "b", "type": "echo", "queue": queue, "depends_on": ["a"], "max_attempts": 1},
        ]  # fmt: skip
        ids.append((await post(api, "/api/workflows", name=outcome, jobs=jobs))["id"])
        [first] = await member.acquire()
        await member.complete(first)
        [second] = await member.acquire()
        await member.complete(second, outcome=outcome, error=None, retryable=False)
    got = await receiver.holds(3, SECONDS)
    found: dict[tuple[str, str], Any] = {}
    for one in got:
        rule = json.loads(one.body)["data"]["rule"]
        channel = finished if rule == finished["name"] else failed
        told = opened(one, channel["secret"])
        found[told["type"], told["data"]["workflow"]["id"]] = told["data"]["workflow"]
    assert found.keys() == {
        ("workflow.finished", ids[0]), ("workflow.finished", ids[1]), ("workflow.failed", ids[1]),
    }  # fmt: skip
    good = found["workflow.finished", ids[0]]
    assert (good["name"], good["status"]) == ("completed", "completed")
    bad = found["workflow.failed", ids[1]]
    assert (bad["status"], bad["total"]) == ("failed", 2)
    assert (bad["counts"]["completed"], bad["counts"]["failed"]) == (1, 1)
    await quiet(api, finished)
    await quiet(api, failed)


async def test_a_schedule_that_misses(api: Api, receiver: Receiver) -> None:
    channel = await watch(api, receiver, "schedule.missed", cool_down_seconds=3_600)
    job = {"type": "echo", "queue": fresh_queue()}
    # No fire is ever so punctual.
    rules = {"every_seconds": 1, "misfire": "skip", "misfire_after_seconds": 0}
    made = await post(api, "/api/schedules", name=channel["name"], job=job, **rules)
    [got] = await receiver.holds(1, SECONDS)
    told = opened(got, channel["secret"])
    missed = told["data"]["schedule"]
    assert (told["type"], missed["id"]) == ("schedule.missed", made["id"])
    assert missed["name"] == channel["name"]
    assert missed["count"] >= 1
    assert missed["first"] <= missed["last"] <= told["timestamp"]
    await api.client.post(f"/api/schedules/{made['id']}/pause", json={})
    await quiet(api, channel)


async def test_both_secrets_sign_after_a_rotation(api: Api, receiver: Receiver) -> None:
    name = fresh_queue()
    made = await post(api, f"{BASE}/channels", name=name, kind="webhook", url=receiver.url)
    turned = (await api.client.post(f"{BASE}/channels/{name}/rotate")).json()
    await post(api, f"{BASE}/channels/{name}/test")
    [got] = await receiver.holds(1, SECONDS)
    assert opened(got, turned["secret"], made["secret"])["type"] == "test"
    logged = await delivery(api, got, "delivered")
    await post(api, f"{BASE}/deliveries/{logged['id']}/replay")
    _, again = await receiver.holds(2, SECONDS)
    assert again.headers["webhook-id"] == got.headers["webhook-id"]
    assert again.body == got.body


async def test_gone_disables_the_channel_for_everybody_to_see(api: Api, receiver: Receiver) -> None:
    receiver.status = 410
    name = fresh_queue()
    await post(api, f"{BASE}/channels", name=name, kind="webhook", url=receiver.url)
    await post(api, f"{BASE}/channels/{name}/test")
    [got] = await receiver.holds(1, SECONDS)
    assert (await delivery(api, got, "failed"))["response_status"] == 410
    channel = (await api.client.get(f"{BASE}/channels/{name}")).json()
    assert channel["disabled"] is True
    assert "410" in channel["disabled_reason"]


async def test_trouble_and_its_end_by_mail(api: Api, mailbox: Mailbox) -> None:
    name, queue = fresh_queue(), fresh_queue()
    before = len(mailbox.taken)
    await post(api, f"{BASE}/channels", name=name, kind="email", to=["ann@example.org"])
    terms = {"cool_down_seconds": 3_600, "window_seconds": 1, "recovery": True}
    rule = {"name": name, "event": "job.cancelled", "channels": [name]} | terms
    await post(api, f"{BASE}/rules", **rule, filter=f"queue:{queue}")
    [job_id] = await api.submit(queue)
    assert (await api.client.post(f"/api/jobs/{job_id}/cancel")).status_code == 200
    taken = (await mailbox.holds(before + 2, SECONDS))[before:]
    trouble, over = [message_from_bytes(envelope.content) for envelope in taken]
    assert trouble["Subject"] == "Tenure: job.cancelled echo"
    assert over["Subject"] == f"Tenure: job.cancelled.recovered {name}"
    shown = (await api.client.get(f"{BASE}/deliveries?channel={name}")).json()["items"]
    assert {f"<{one['id']}@tenure>" for one in shown} == {trouble["Message-ID"], over["Message-ID"]}
    text = trouble.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert f"job id: {job_id}" in text.decode()
