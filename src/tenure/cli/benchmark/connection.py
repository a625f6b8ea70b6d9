"""A lean HTTP/1.1 client: what a request costs here must not show in the figures.

One keep-alive connection carries one request at a time; several requests in flight are several
connections. It knows only what the coordinator answers: a status line and a Content-Length.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self, cast
from urllib.parse import urlsplit

import msgspec

from tenure.cli.benchmark.failure import BenchmarkError

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a coordinator listens. `prefix` goes before every path, with no slash at its end."""

    host: str
    port: int
    tls: bool = False
    prefix: str = ""
    token: str | None = None

    @classmethod
    def parse(cls, url: str, token: str | None = None) -> Target:
        """From `http://host:port/prefix`. Raises BenchmarkError for anything else."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BenchmarkError(f"{url} is not an address like http://127.0.0.1:5000")
        tls = parts.scheme == "https"
        port = parts.port or (443 if tls else 80)
        return cls(parts.hostname, port, tls, parts.path.rstrip("/"), token)

    @property
    def url(self) -> str:
        """The address without the token."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.prefix}"


class Answer(NamedTuple):
    """A status and the whole body."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """One connection. Not for two requests at once; use as an async context manager."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._headers = ""
        self.authorize(target.token)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._buffer = bytearray()
        self._body_at = 0
        self._end_at = 0

    async def __aenter__(self) -> Self:
        """Raises BenchmarkError when nobody listens."""
        target = self._target
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: self, target.host, target.port, ssl=target.tls or None
            )
        except OSError as error:
            raise BenchmarkError(f"no coordinator at {target.url}: {error}") from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._transport is not None:
            self._transport.abort()

    def authorize(self, token: str | None) -> None:
        """Send `token` (none: nothing) with every request from now on."""
        host = self._target.url.partition("://")[2].partition("/")[0]
        bearer = f"authorization: Bearer {token}\r\n" if token else ""
        self._headers = f"host: {host}\r\n{bearer}content-type: application/json\r\n"

    def send(self, method: str, path: str, body: bytes = b"") -> asyncio.Future[Answer]:
        """Write one request now; the future ends with its answer, or with BenchmarkError.

        `path` starts with a slash. The caller waits for it before it sends again.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise BenchmarkError(f"{self._target.url} closed the connection")
        head = (
            f"{method} {self._target.prefix}{path} HTTP/1.1\r\n{self._headers}"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self._waiter = asyncio.get_running_loop().create_future()
        transport.write(head.encode() + body)
        return self._waiter

    async def call(self, method: str, path: str, value: Any = None) -> Any:
        """Send JSON, return decoded JSON (None for an empty body).

        Raises BenchmarkError for every status from 300, with the detail of the problem.
        """
        body = b"" if value is None else msgspec.json.encode(value)
        answer = await self.send(method, path, body)
        check(answer, method, path)
        return msgspec.json.decode(answer.body) if answer.body else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if not self._end_at and not self._read_head():
            return
        if len(buffer) < self._end_at:
            return
        answer = Answer(int(buffer[9:12]), bytes(buffer[self._body_at : self._end_at]))
        buffer.clear()
        self._end_at = 0
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)

    def _read_head(self) -> bool:
        """Whether the head is complete; sets where body and answer end."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        found = _LENGTH.search(self._buffer, 0, end + 2)
        self._body_at = end + 4
        if found is None and self._buffer[9:12] != b"204":
            self._fail("an answer without Content-Length")
            return False
        self._end_at = self._body_at + (int(found[1]) if found else 0)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost{f': {exc}' if exc else ''}")

    def _fail(self, why: str) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(BenchmarkError(f"{self._target.url}: {why}"))


def check(answer: Answer, method: str, path: str) -> None:
    """Raises BenchmarkError unless the status is below 300."""
    if answer.status < 300:
        return
    try:
        problem = msgspec.json.decode(answer.body)
        detail = problem["detail"]
    except (msgspec.DecodeError, KeyError, TypeError):
        detail = answer.body[:200].decode("utf-8", "replace")
    raise BenchmarkError(f"{method} {path} answered {answer.status}: {detail}")
