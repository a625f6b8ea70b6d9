"""Live events over real connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.api.calls import Api, fresh_queue, problem

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def stream(api: Api, topics: str, **headers: str) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of a stream that has begun."""
    async with (
        asyncio.timeout(30),
        api.client.stream(
            "GET", f"/api/events?topics={topics}", headers=headers, timeout=20
        ) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"].startswith("no-")
        yield answer.aiter_lines()


async def event(lines: AsyncIterator[str]) -> dict[str, str]:
    """The next event; comments are passed over."""
    found: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if line and name != ":":
            found[name] = value
        elif found:
            return found
    raise AssertionError("the stream ended")


async def test_a_job_is_followed_by_its_hints(sockets: Api) -> None:
    [job_id] = await sockets.submit(fresh_queue())
    async with stream(sockets, f"job:{job_id[:13]},stats") as lines:
        assert (await event(lines))["event"] == "stats"
        await sockets.client.post(f"/api/jobs/{job_id}/cancel")
        while (told := await event(lines))["event"] != "change":
            assert told["event"] == "stats"
        assert json.loads(told["data"]) == {"topic": f"job:{job_id}"}
    async with stream(sockets, f"job:{job_id}", **{"Last-Event-ID": "elsewhere-1"}) as lines:
        assert (await event(lines))["event"] == "resync"
    async with asyncio.timeout(20):
        while sockets.coordinator.live.listeners:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("topics", ["", "nothing", "job:", "stats:x", "job"])
async def test_a_wrong_topic_is_named(fresh: Api, topics: str) -> None:
    answer = await fresh.client.get("/api/events", params={"topics": topics})
    assert problem(answer, 422)["errors"][0]["pointer"] == "/topics"


@pytest.mark.parametrize("kind", ["job", "workflow"])
async def test_what_is_not_there_cannot_be_listened_to(fresh: Api, kind: str) -> None:
    answer: httpx.Response = await fresh.client.get(f"/api/events?topics={kind}:{'0' * 36}")
    problem(answer, 404, f"{kind}_not_found")
