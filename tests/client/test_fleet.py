"""Workers, handlers and numbers in both clients, against a coordinator that runs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import BaseModel

from tenure import handler
from tenure.domain.errors import InvalidInput, WorkerNotFound
from tests.client.conftest import Speak
from tests.worker.running import Running

pytestmark = pytest.mark.anyio


class Picture(BaseModel):
    width: int


@handler("resize")
async def resize(payload: Picture) -> int:
    return payload.width


async def test_a_worker_and_what_it_offers_are_found(speak: Speak, running: Running) -> None:
    async with running.worker(resize, name="artist"):
        (one,) = [w for w in await speak("workers") if w.name == "artist" and w.state == "online"]
        assert (await speak("worker", one.id)).id == one.id
        (offered,) = [h for h in await speak("handlers") if h.type == "resize"]
        assert offered.workers == 1
        assert list(offered.schema["properties"]) == ["width"]
    with pytest.raises(WorkerNotFound):
        await speak("worker", "0" * 36)


@pytest.mark.parametrize(
    ("last", "points"), [(3_600, 60), (timedelta(minutes=15), 15), (timedelta(days=7), 84)]
)
async def test_numbers_over_time(speak: Speak, last: float | timedelta, points: int) -> None:
    await speak("submit", "counted", queue="charted")
    found = await speak("series", last, queue="charted", type="counted")
    assert len(found.points) == points
    assert sum(point.submitted for point in found.points) >= 1
    elsewhere = await speak("series", last, queue="nobody")
    assert sum(point.submitted for point in elsewhere.points) == 0


async def test_another_span_is_refused(speak: Speak) -> None:
    with pytest.raises(InvalidInput, match="range_seconds"):
        await speak("series", 5)


async def test_the_demand_of_a_queue(speak: Speak) -> None:
    assert (await speak("autoscale", "nobody")).demand == 0
    assert (await speak("autoscale")).queue == "default"
