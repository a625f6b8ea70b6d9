"""Queues in both clients, against a coordinator that runs."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from tenure.domain.errors import InvalidInput, VersionConflict
from tests.client.conftest import Speak

pytestmark = pytest.mark.anyio
_numbers = count()


@pytest.fixture
def queue() -> str:
    return f"client-{next(_numbers)}"


async def test_settings_are_set_and_taken_away(speak: Speak, queue: str) -> None:
    assert (await speak("queue", queue)).version == 0
    fields = {"max_running": 3, "rate": (10, timedelta(minutes=1)), "aging": 30}
    told = await speak("set_queue", queue, **fields)
    assert (told.max_running, told.in_use, told.aging_seconds) == (3, 0, 30.0)
    assert (told.rate.count, told.rate.per_seconds, told.rate.tokens) == (10, 60.0, 10)
    told = await speak("set_queue", queue, version=1, rate=None, aging=None)
    assert (told.max_running, told.rate, told.aging_seconds) == (3, None, None)
    assert told in await speak("queues")
    await speak("unset_queue", queue)
    assert queue not in [item.name for item in await speak("queues")]


async def test_a_queue_is_paused_and_resumed(speak: Speak, queue: str) -> None:
    told = await speak("pause_queue", queue, "flood")
    assert (told.paused_by, told.pause_reason) == ("local", "flood")
    assert (await speak("pause_queue", queue)).pause_reason == "flood"
    assert (await speak("resume_queue", queue)).paused_at is None


async def test_errors_are_those_of_the_coordinator(speak: Speak, queue: str) -> None:
    with pytest.raises(InvalidInput, match="pause"):
        await speak("set_queue", queue, max_running=0)
    with pytest.raises(VersionConflict):
        await speak("set_queue", queue, version=4, max_running=1)
    with pytest.raises(InvalidInput):
        await speak("set_queue", queue)
    with pytest.raises(InvalidInput):
        await speak("queue", "no such name")
