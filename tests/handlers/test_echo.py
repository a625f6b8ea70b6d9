from __future__ import annotations

from typing import Any

import pytest

from tenure.handlers.echo import echo
from tests.handlers.scenes import Told, context

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("payload", [None, {"a": [1, 2**70]}, "text", [], 1.5])
async def test_it_returns_and_logs_what_it_got(payload: Any) -> None:
    told = Told()
    assert await echo(payload, context(told)) == payload
    assert len(told.lines) == 1


async def test_a_long_payload_is_logged_in_part() -> None:
    told = Told()
    payload = "x" * 10_000
    assert await echo(payload, context(told)) == payload
    assert len(told.text) < 2_100
    assert told.text.endswith("...")
