"""The audit in both Python clients."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tenure.client.audit import page
from tenure.domain.errors import InvalidInput
from tests.client.conftest import Speak

pytestmark = pytest.mark.anyio


async def test_a_coordinators_start_is_its_first_line(speak: Speak) -> None:
    lines = await speak("audit", action="coordinator.start")
    assert [line.target for line in lines] == ["coordinator"]
    assert lines[0].after["database_url"].startswith("sqlite:")
    assert await speak("audit", action="coordinator.start", limit=0) == []
    assert await speak("audit", until=datetime(2020, 1, 1, tzinfo=UTC)) == []
    with pytest.raises(InvalidInput, match="since"):
        await speak("audit", since="yesterday")


def test_times_are_written_out() -> None:
    call = page({"since": datetime(2026, 1, 31, tzinfo=UTC), "actor": "a b"}, 5, None)
    assert call.path == "/api/audit?since=2026-01-31T00%3A00%3A00%2B00%3A00&actor=a+b&limit=5"
