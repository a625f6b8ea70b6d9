"""Every answer of a throttled route says how much is left, and a refusal when to come back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from litestar import Litestar, post
from litestar.datastructures import State

from tenure.api import problems
from tenure.api.exchange import Ask
from tenure.api.gate import Gate
from tenure.api.proxies import Proxied
from tenure.api.throttling import admit
from tenure.coordinator.throttling import Door, Throttle
from tenure.domain.clock import Clock
from tenure.settings import Limits, Settings
from tests.api.calls import problem

pytestmark = pytest.mark.anyio


@post("/knock", status_code=204)
async def knock(request: Ask) -> None:
    admit(request, Door.REGISTER)


def _client() -> httpx.AsyncClient:
    throttle = Throttle(Clock(), Limits(registrations=2))
    app = Litestar(
        [knock],
        exception_handlers=problems.HANDLERS,
        state=State({"coordinator": SimpleNamespace(throttle=throttle)}),
        logging_config=None,
        openapi_config=None,
    )
    app.asgi_handler = Proxied(Gate(app.asgi_handler, Settings()), ["127.0.0.1"])
    called: Any = app
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=called), base_url="http://127.0.0.1")


async def test_the_headers_count_down_to_a_refusal() -> None:
    async with _client() as client:
        first = await client.post("/knock")
        assert first.headers["ratelimit-policy"] == '"register";q=2;w=3600'
        assert first.headers["ratelimit"].startswith('"register";r=1;t=')
        assert (await client.post("/knock")).headers["ratelimit"].startswith('"register";r=0;t=')
        refused = await client.post("/knock")
        problem(refused, 429, "too_many")
        assert refused.headers["ratelimit"].startswith('"register";r=0;t=')
        assert 0 < int(refused.headers["retry-after"]) <= 1800


async def test_who_called_is_told_by_a_trusted_proxy_alone() -> None:
    async with _client() as client:
        for _ in range(3):
            answer = await client.post("/knock", headers={"X-Forwarded-For": "192.0.2.1"})
        assert answer.status_code == 429
        answer = await client.post("/knock", headers={"X-Forwarded-For": "192.0.2.2"})
        assert answer.status_code == 204
        answer = await client.post("/knock", headers={"X-Forwarded-For": "192.0.2.3, 192.0.2.1"})
        assert answer.status_code == 429
