"""Live events as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from litestar import get
from litestar.params import FromQuery, HeaderParameter

from tenure.api.exchange import Ask, coordinator, principal_of
from tenure.api.security import allow
from tenure.api.standing import Standing
from tenure.api.streams import EVENTS, EventStream
from tenure.coordinator.coordinator import Coordinator
from tenure.coordinator.live import Event, parse_topics
from tenure.domain.access import Permission, Principal


@get(
    "/api/events",
    operation_id="listen",
    summary="Numbers and changes as they happen, as server-sent events",
    opt=allow(Permission.READ, answers={200: None}, streams=EVENTS),
)
async def events(
    request: Ask,
    topics: FromQuery[str] = "stats",
    after: FromQuery[str | None] = None,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
) -> EventStream:
    here = coordinator(request)
    wanted = await _permitted(here, parse_topics(topics), principal_of(request))
    here.live.check_room()
    heard = here.live.listen(wanted, last_event_id or after)
    return EventStream(_encoded(heard, Standing(request)))


async def _permitted(
    here: Coordinator, topics: tuple[str, ...], principal: Principal
) -> tuple[str, ...]:
    """The topics with whole ids. Raises JobNotFound, WorkflowNotFound for what may not be seen."""
    wanted = []
    for topic in topics:
        kind, _, name = topic.partition(":")
        if kind == "job":
            wanted.append(f"job:{(await here.control.get(name, principal)).id}")
        elif kind == "workflow":
            wanted.append(f"workflow:{(await here.workflows.get(name, principal)).id}")
        else:
            wanted.append(topic)
    return tuple(wanted)


async def _encoded(
    parts: AsyncGenerator[list[Event], None], standing: Standing
) -> AsyncGenerator[bytes, None]:
    async with aclosing(parts):
        async for part in parts:
            if not await standing.holds():
                return
            said = [
                b"id: %b\nevent: %b\ndata: %b\n\n" % (e.id.encode(), e.kind.encode(), e.data)
                for e in part
            ]
            yield b"".join(said) or b":\n\n"


ROUTES = [events]
