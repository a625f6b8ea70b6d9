"""Live events as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from litestar import get
from litestar.params import FromQuery, HeaderParameter

from tenure.api.authentication import bearer
from tenure.api.exchange import Ask, coordinator, principal_of
from tenure.api.security import allow
from tenure.api.streams import EVENTS, EventStream
from tenure.coordinator.coordinator import Coordinator
from tenure.coordinator.live import Event, parse_topics
from tenure.domain.access import Permission, Principal
from tenure.domain.clock import SECOND
from tenure.domain.errors import Unauthenticated, Unavailable

CHECK_SECONDS = 5.0
"""How often a stream asks again who listens."""


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
    return EventStream(_encoded(heard, _Caller(here, bearer(request.scope))))


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


class _Caller:
    """Who listens. A token that was revoked, or a role that was taken, ends the stream."""

    def __init__(self, here: Coordinator, token: str | None) -> None:
        self._here = here
        self._token = token if here.settings.auth == "required" else None
        self._asked_at = here.clock.monotonic()

    async def may_listen(self) -> bool:
        """Whether it still may. Asks at most every CHECK_SECONDS."""
        now = self._here.clock.monotonic()
        if self._token is None or now - self._asked_at < CHECK_SECONDS * SECOND:
            return True
        self._asked_at = now
        try:
            return (await self._here.authentication.find(self._token)).may(Permission.READ)
        except Unauthenticated:
            return False
        except Unavailable:
            return True  # the store is away; nothing is told meanwhile


async def _encoded(
    parts: AsyncGenerator[list[Event], None], caller: _Caller
) -> AsyncGenerator[bytes, None]:
    async with aclosing(parts):
        async for part in parts:
            if not await caller.may_listen():
                return
            said = [
                b"id: %b\nevent: %b\ndata: %b\n\n" % (e.id.encode(), e.kind.encode(), e.data)
                for e in part
            ]
            yield b"".join(said) or b":\n\n"


ROUTES = [events]
