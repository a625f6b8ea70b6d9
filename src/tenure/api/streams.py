"""Answers that go on: server-sent events, closed with their connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from litestar import Response
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Send

from tenure.coordinator.following import Part
from tenure.wire.base import encode

EVENTS = "text/event-stream"
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class _Streaming(ASGIStreamingResponse):
    """Closes what it streams, however it ends: a caller that leaves holds nothing."""

    async def send_body(self, send: Send, receive: Receive) -> None:
        source: Any = self.iterator
        async with aclosing(source):
            await super().send_body(send, receive)


class EventStream(Response[bytes]):
    """A stream of events, from a generator of their bytes."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(b"", media_type=EVENTS)
        self._events = events

    def to_asgi_response(self, *_: Any, **made: Any) -> ASGIStreamingResponse:
        headers = {**(made.get("headers") or {}), **_HEADERS}
        return _Streaming(iterator=self._events, headers=headers, media_type=EVENTS)


def log_events(parts: AsyncGenerator[Part, None]) -> Response[bytes]:
    """A followed log: one event a line, its id the cursor; at last the event `end`."""
    return EventStream(_encoded(parts))


async def _encoded(parts: AsyncGenerator[Part, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(parts):
        async for part in parts:
            said = [
                b"id: %b\ndata: %b\n\n" % (at.encode(), encode(line)) for at, line in part.lines
            ]
            if part.ended is not None:
                said.append(b"event: end\ndata: %b\n\n" % encode({"status": part.ended or None}))
            yield b"".join(said) or b":\n\n"
