"""Notifications over HTTP: channels, rules, deliveries."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.calls import Callers, fresh_queue, pointers, problem

pytestmark = pytest.mark.anyio

BASE = "/api/notifications"
HOOK = {"kind": "webhook", "url": "https://u:p@example.org:8443/hook/secret?x=1"}


def _name() -> str:
    return f"n-{fresh_queue()}"


async def _channel(callers: Callers, **changes: Any) -> dict[str, Any]:
    body = HOOK | {"name": _name()} | changes
    answer = await callers.admin.client.post(f"{BASE}/channels", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{BASE}/channels/{found['id']}"
    return found


async def _rule(callers: Callers, channel: str, **changes: Any) -> dict[str, Any]:
    body = {"name": _name(), "event": "job.failed", "channels": [channel]} | changes
    answer = await callers.admin.client.post(f"{BASE}/rules", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_channel_is_made_changed_and_deleted(callers: Callers) -> None:
    admin = callers.admin.client
    made = await _channel(callers)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made["target"] == "https://example.org:8443/..."
    path = f"{BASE}/channels/{made['name']}"
    assert (await admin.get(path)).json() == made
    turned = (await admin.post(f"{path}/rotate")).json()
    assert turned["secret"] not in (secret, None)
    assert turned["old_secret_until"] is not None
    listed = await admin.get(f"{BASE}/channels?limit=500")
    assert secret not in listed.text
    off = (await admin.patch(path, json={"disabled": True})).json()
    assert (off["disabled"], off["disabled_reason"]) == (True, "disabled by test-admin")
    problem(await admin.post(f"{path}/test"), 409)
    assert (await admin.patch(path, json={"disabled": False})).json()["disabled"] is False
    problem(await admin.post(f"{BASE}/channels", json=HOOK | {"name": made["name"]}), 409)
    lines = (await admin.get("/api/audit", params={"target_id": made["id"]})).text
    assert "channel.rotate" in lines
    assert "hook/secret" not in lines
    assert (await admin.delete(path)).status_code == 204
    problem(await admin.get(path), 404, "not_found")


async def test_a_rule_is_made_changed_and_deleted(callers: Callers) -> None:
    admin = callers.admin.client
    channel = await _channel(callers)
    made = await _rule(callers, channel["name"], filter="queue:mail", threshold=3)
    assert made["channels"] == [channel["id"]]
    path = f"{BASE}/rules/{made['id']}"
    assert (await callers.viewer.client.get(path)).json() == made
    changed = (await admin.patch(path, json={"filter": None, "window_seconds": 60})).json()
    assert changed == made | {"filter": None, "window_seconds": 60}
    problem(await admin.delete(f"{BASE}/channels/{channel['id']}"), 409)
    assert (await admin.delete(path)).status_code == 204
    problem(await admin.get(path), 404)
    assert (await admin.delete(f"{BASE}/channels/{channel['id']}")).status_code == 204


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"event": "job.exploded"}, "/event"), ({"threshold": 0}, "/threshold"),
        ({"filter": "nonsense:x"}, "/filter"), ({"filter": "status:failed"}, "/filter"),
        ({"event": "worker.lost", "filter": "type:echo"}, "/filter"),
        ({"channels": []}, "/channels"),
        ({"chanels": ["x"]}, "/chanels"), ({"window_seconds": -1}, "/windowSeconds"),
    ],
)  # fmt: skip
async def test_wrong_rules(callers: Callers, body: dict[str, Any], pointer: str) -> None:
    channel = await _channel(callers)
    whole = {"name": _name(), "event": "job.failed", "channels": [channel["id"]]} | body
    answer = await callers.admin.client.post(f"{BASE}/rules", json=whole)
    assert pointer.lower() in [found.lower().replace("_", "") for found in pointers(answer)]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "webhook", "url": "ftp://example.org"}, {"kind": "webhook", "url": "https://"},
        {"kind": "webhook", "to": ["a@example.org"]}, {"kind": "email", "url": "https://a.org"},
        {"kind": "email", "to": ["nobody"]}, {"kind": "apprise", "url": "slack"},
        {"kind": "pigeon", "url": "https://example.org"},
    ],
)  # fmt: skip
async def test_wrong_channels(callers: Callers, body: dict[str, Any]) -> None:
    answer = await callers.admin.client.post(f"{BASE}/channels", json=body | {"name": _name()})
    problem(answer, 422)


async def test_only_administrators_change_and_see_channels(callers: Callers) -> None:
    channel = await _channel(callers)
    for caller in (callers.user, callers.viewer):
        client = caller.client
        assert (await client.get(f"{BASE}/rules")).status_code == 200
        for call in (
            client.get(f"{BASE}/channels"), client.post(f"{BASE}/channels", json=HOOK),
            client.get(f"{BASE}/deliveries"), client.post(f"{BASE}/rules", json={}),
            client.post(f"{BASE}/channels/{channel['id']}/test"),
            client.patch(f"{BASE}/channels/{channel['id']}", json={"disabled": True}),
        ):  # fmt: skip
            problem(await call, 403, "forbidden")


async def test_a_test_is_delivered_logged_and_replayed(callers: Callers) -> None:
    admin = callers.admin.client
    channel = await _channel(callers, url="http://127.0.0.1:9/hook")
    sent = await admin.post(f"{BASE}/channels/{channel['name']}/test")
    assert sent.status_code == 202
    path = f"{BASE}/deliveries/{sent.json()['id']}"

    async def tried() -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                told: dict[str, Any] = (await admin.get(path)).json()
                if told["error"] is not None:
                    return told
                await asyncio.sleep(0.02)

    told = await tried()
    assert (told["status"], told["attempts"], told["event"]) == ("pending", 1, "test")
    assert "TENURE_HTTP_ALLOW" in told["error"]
    assert told["body"]["data"] == {"channel": channel["name"], "by": "test-admin"}
    shown = (await admin.get(f"{BASE}/deliveries?channel={channel['name']}")).json()
    assert [one["id"] for one in shown["items"]] == [told["id"]]
    assert (await admin.post(f"{path}/replay")).status_code == 202
    assert "retried" in (await admin.get("/metrics")).text
    await admin.patch(f"{BASE}/channels/{channel['id']}", json={"disabled": True})
    assert (await admin.get(path)).json()["status"] == "failed"
    problem(await admin.post(f"{path}/replay"), 409)
    problem(await admin.get(f"{BASE}/deliveries/x"), 404)
    assert pointers(await admin.get(f"{BASE}/deliveries?status=odd")) == ["/status"]
