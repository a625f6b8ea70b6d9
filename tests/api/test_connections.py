"""Callers that are slow on purpose, or never come to an end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tenure.api import connections
from tenure.api.connections import close_slow
from tenure.api.server import Server, build
from tenure.settings import Settings

pytestmark = pytest.mark.anyio

Serving = AsyncIterator[Server]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
async def serving(tmp_path_factory: pytest.TempPathFactory, anyio_backend: object) -> Serving:
    """A server on a port of its own."""
    tmp_path = tmp_path_factory.mktemp("connections")
    listening = socket.create_server(("127.0.0.1", 0))
    server = build(Settings(database_url=f"sqlite:///{tmp_path}/t.db"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not running.done():
        await asyncio.sleep(0.005)
    yield server
    server.should_exit = True
    await running


@pytest.fixture
async def server(serving: Server) -> Serving:
    """The server, before and after without a connection."""
    yield serving
    await _until(lambda: not serving.server_state.connections)


@asynccontextmanager
async def _calling(server: Server, *sent: bytes) -> AsyncIterator[Streams]:
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in sent:
        writer.write(part)
        await writer.drain()
    try:
        yield reader, writer
    finally:
        writer.close()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


def _later(server: Server, seconds: float) -> int:
    now = asyncio.get_running_loop().time()
    return close_slow(list(server.server_state.connections), now + seconds)


HEAD = b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
JSON = b"Content-Type: application/json\r\n"


@pytest.mark.parametrize("sent", [b"", b"POST", HEAD, HEAD + JSON + b"X: "])
async def test_headers_that_do_not_come_to_an_end(server: Server, sent: bytes) -> None:
    async with _calling(server, sent) as (reader, _):
        await _until(lambda: len(server.server_state.connections) == 1)
        assert _later(server, connections.HEAD_SECONDS - 1) == 0
        await asyncio.sleep(0.02)
        assert _later(server, connections.HEAD_SECONDS + 1) == 1
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + JSON + b"Content-Length: 100\r\n\r\n", HEAD + JSON + b"Content-Length: 9\r\n\r\n{",
        HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
)  # fmt: skip
async def test_a_body_that_does_not_come_to_an_end(server: Server, sent: bytes) -> None:
    async with _calling(server, sent) as (reader, _):
        await _until(lambda: bool(server.server_state.tasks))
        assert _later(server, connections.BODY_SECONDS - 1) == 0
        assert _later(server, connections.BODY_SECONDS + 1) == 1
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        await _until(lambda: not server.server_state.tasks)


async def test_an_answer_nobody_reads(server: Server) -> None:
    ask = b"GET /api/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    async with _calling(server) as (reader, writer):
        small: asyncio.StreamReader = reader
        small._transport.pause_reading()  # type: ignore[attr-defined]
        await _until(lambda: bool(server.server_state.connections))
        (connection,) = server.server_state.connections
        while getattr(connection, "unread_since", 0) is None:
            writer.write(ask)
            await asyncio.sleep(0.002)
        assert _later(server, connections.WRITE_SECONDS - 1) == 0
        assert _later(server, connections.WRITE_SECONDS + 1) == 1
        await _until(lambda: not server.server_state.connections)
        await _until(lambda: not server.server_state.tasks)


async def test_who_is_quick_or_waits_for_us_is_left_alone(server: Server) -> None:
    asked = HEAD + JSON + b'Content-Length: 15\r\n\r\n{"type":"none"}'
    follow = b"GET /api/jobs/%s?wait=30 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    async with _calling(server, asked) as (reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 201 ")
        place = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"location"))
        writer.write(follow % place.rpartition(b"/")[2])
        await _until(lambda: bool(server.server_state.tasks))
        assert _later(server, 10_000) == 0


async def _status(reader: asyncio.StreamReader) -> bytes:
    try:
        return (await reader.readline()).partition(b" ")[2][:3]
    except ConnectionError:
        return b"cut"


async def test_headers_without_end(server: Server) -> None:
    async with _calling(server, HEAD) as (reader, writer):
        with contextlib.suppress(ConnectionError):
            for number in range(100_000):
                writer.write(b"X-%d: %s\r\n" % (number, b"x" * 1000))
                await writer.drain()
                if writer.is_closing() or reader.at_eof():
                    break
        assert number < 99_999
        assert await _status(reader) in (b"431", b"cut")
    await _until(lambda: not server.server_state.connections)


async def test_too_many_headers(server: Server) -> None:
    fits = b"".join(b"X-%d: 1\r\n" % n for n in range(connections.MAX_HEADERS - 5))
    async with _calling(server, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n", fits, b"\r\n") as (
        reader,
        _,
    ):
        assert await _status(reader) == b"200"
    more = fits + b"A: 1\r\n" * 10
    async with _calling(server, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n" + more, b"\r\n") as (
        reader,
        _,
    ):
        assert await _status(reader) == b"431"


async def test_trailers_are_headers_too(server: Server) -> None:
    body = HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    trailers = b"".join(b"X-%d: 1\r\n" % n for n in range(connections.MAX_HEADERS + 1))
    async with _calling(server, body, trailers) as (reader, _):
        assert await _status(reader) == b"431"


async def test_a_url_without_end(server: Server) -> None:
    async with _calling(server, b"GET /") as (reader, writer):
        with contextlib.suppress(ConnectionError):
            for _ in range(10_000):
                writer.write(b"x" * 10_000)
                await writer.drain()
                if reader.at_eof():
                    break
        assert await _status(reader) in (b"431", b"cut")


async def test_upgrades_are_not_followed(server: Server) -> None:
    asked = (
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    async with _calling(server, asked) as (reader, _):
        assert await _status(reader) == b"200"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /health HTTP/1.1\r\n\r\n", b"403"), (b"GET /health HTTP/1.0\r\n\r\n", b"403"),
        (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.org\r\n\r\n", b"403"),
        (b"GET /health HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", b"400"),
        (b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
         b"Transfer-Encoding: chunked\r\n\r\n{}", b"400"),
        (b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
         b"Content-Length: 3\r\n\r\n{}", b"400"),
        (b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"GET http://evil.org/health HTTP/1.1\r\nHost: evil.org\r\n\r\n", b"403"),
        (b"\x16\x03\x01\x02\x00\x01\x00", b"400"),
    ],
)  # fmt: skip
async def test_requests_made_to_confuse(server: Server, sent: bytes, status: bytes) -> None:
    async with _calling(server, sent) as (reader, _):
        assert await _status(reader) == status
