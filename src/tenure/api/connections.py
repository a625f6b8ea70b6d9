"""Connections with bounds: nobody holds one open by sending or reading slowly, or sends a header
without end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 200
HEAD_SECONDS = 10.0
"""From the first byte of a request, or from connecting, to the end of its headers."""
BODY_SECONDS = 120.0
"""From the first byte of a request to its last."""
WRITE_SECONDS = 60.0
"""How long a caller may leave an answer unread."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)
_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Connection(HttpToolsProtocol):
    """uvicorn's, and it knows since when it waits for the caller.

    `head_since` is set until the headers of a request are complete, `body_since` until its body is,
    `unread_since` while the caller takes nothing of an answer: in seconds of the loop's clock.
    """

    head_since: float | None = None
    body_since: float | None = None
    unread_since: float | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.head_since = self.loop.time()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self.body_since is None:
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_TOO_LARGE)
                return
            self._head_bytes += len(data)
        super().data_received(data)
        if self.headers and len(self.headers) > MAX_HEADERS:  # trailers come after the body
            self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        self.head_since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.body_since, self.head_since = self.head_since, None
        self._head_bytes = 0
        if len(self.headers) > MAX_HEADERS:
            self._refuse(_TOO_LARGE)
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self.body_since = None
        if not self.transport.is_closing():
            super().on_message_complete()

    def pause_writing(self) -> None:
        self.unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.unread_since = None
        super().resume_writing()

    def close_if_slow(self, now: float) -> bool:
        """Close when the caller took longer than it may; whether that was so."""
        if self.unread_since is not None and now - self.unread_since > WRITE_SECONDS:
            self.transport.abort()
            return True
        # While reading is paused it is the caller who waits.
        if self.flow.read_paused or not (
            _over(self.head_since, now, HEAD_SECONDS) or _over(self.body_since, now, BODY_SECONDS)
        ):
            return False
        self._refuse(_TIMEOUT)
        return True

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            if (
                self.cycle is None
                or self.cycle.response_complete
                or not self.cycle.response_started
            ):
                self.transport.write(answer)
            self.transport.close()


def close_slow(connections: Iterable[Any], now: float) -> int:
    """Close every connection that is slower than it may be at `now`, in seconds of the loop's
    clock; how many there were."""
    slow = [one for one in connections if isinstance(one, Connection) and one.close_if_slow(now)]
    return len(slow)


def _over(since: float | None, now: float, seconds: float) -> bool:
    return since is not None and now - since > seconds
