"""Answers that go on, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.calls import Api, Member, fresh_queue

pytestmark = pytest.mark.anyio


async def _log(member: Member, lease: dict[str, Any], start: int, *texts: str) -> None:
    lines = [{"at": "2026-01-01T00:00:00Z", "text": text} for text in texts]
    body = {"worker_id": member.id, "fence": lease["fence"], "from": start, "lines": lines}
    answer = await member.api.client.post(f"/api/jobs/{lease['job_id']}/logs", json=body)
    assert answer.json() == {"stored": len(texts)}


async def _event(events: AsyncIterator[str]) -> dict[str, str]:
    """The next event by field; comments are passed over."""
    found: dict[str, str] = {}
    async for line in events:
        name, _, value = line.partition(": ")
        if line == "" and found:
            return found
        if name:
            found[name.strip(":")] = value
        found.pop("", None)
    raise AssertionError("the stream ended")


async def test_a_log_is_followed_to_the_end_of_its_job(sockets: Api) -> None:
    queue = fresh_queue()
    [job_id] = await sockets.submit(queue)
    member = await sockets.register(queue)
    [lease] = await member.acquire(wait=10)
    await _log(member, lease, 0, "one")
    path = f"/api/jobs/{job_id}/logs?follow=true"
    async with asyncio.timeout(20), sockets.client.stream("GET", path) as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = stream.aiter_lines()
        first = await _event(events)
        await _log(member, lease, 1, "two", "three")
        second = await _event(events)
        assert [json.loads(e["data"])["text"] for e in (first, second)] == ["one", "two"]
        assert (await member.complete(lease)).status_code == 200
        assert json.loads((await _event(events))["data"])["text"] == "three"
        end = await _event(events)
        assert (end["event"], json.loads(end["data"])) == ("end", {"status": "completed"})
        assert [line async for line in events] == []
    again = await sockets.client.get(path, headers={"Last-Event-ID": first["id"]})
    assert [line for line in again.text.splitlines() if line.startswith("id: ")][:1] == [
        f"id: {second['id']}"
    ]
    page = await sockets.client.get(f"/api/jobs/{job_id}/logs", params={"after": first["id"]})
    assert [item["text"] for item in page.json()["items"]] == ["two", "three"]


async def test_a_follower_that_is_cut_off_leaves_nothing(sockets: Api) -> None:
    [job_id] = await sockets.submit(fresh_queue())
    following = sockets.coordinator.following
    async with asyncio.timeout(20):
        async with sockets.client.stream("GET", f"/api/jobs/{job_id}/logs?follow=true"):
            while job_id not in following.waiting():
                await asyncio.sleep(0.005)
            assert following.followers == 1
        while following.followers:
            await asyncio.sleep(0.005)
    assert following.waiting() == []
