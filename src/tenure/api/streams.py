"""Answers that go on: server-sent events, closed with their connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Send

from tenure.coordinator.following import Part
from tenure.wire.base import encode

EVENTS = "text/event-stream"
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class EventStream(ASGIStreamingResponse):
    """A stream of events, from a generator of their bytes.

    It is closed however the stream ends: a caller that leaves holds nothing.
    """

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(iterator=events, headers=_HEADERS, media_type=EVENTS)

    async def send_body(self, send: Send, receive: Receive) -> None:
        source: Any = self.iterator
        async with aclosing(source):
            await super().send_body(send, receive)


def log_events(
    parts: AsyncGenerator[Part, None], holds: Callable[[], Awaitable[bool]]
) -> EventStream:
    """A followed log: one event a line, its id the cursor; at last the event `end`. `holds`:
    whether the caller may still read it."""
    return EventStream(_encoded(parts, holds))


async def _encoded(
    parts: AsyncGenerator[Part, None], holds: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(parts):
        async for part in parts:
            if not await holds():
                return
            said = [
                b"id: %b\ndata: %b\n\n" % (at.encode(), encode(line)) for at, line in part.lines
            ]
            if part.ended is not None:
                said.append(b"event: end\ndata: %b\n\n" % encode({"status": part.ended or None}))
            yield b"".join(said) or b":\n\n"
