from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from tenure.cli.benchmark.connection import Connection, Target
from tenure.cli.benchmark.failure import BenchmarkError
from tenure.cli.benchmark.processes import free_port

pytestmark = pytest.mark.anyio


Respond = Callable[[bytes, asyncio.StreamWriter], None]


@asynccontextmanager
async def listening(respond: Respond) -> AsyncIterator[Target]:
    """A TCP server that reads one HTTP request after the other and lets `respond` write."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rb"content-length: (\d+)", head)
                body = await reader.readexactly(int(found[1]) if found else 0)
                respond(head + body, writer)
                if writer.is_closing():
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Target("127.0.0.1", server.sockets[0].getsockname()[1])


async def test_requests_follow_each_other_on_one_connection() -> None:
    seen: list[bytes] = []

    def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        body = b'{"n": %d}' % len(seen)
        head = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\nx: y\r\n\r\n" % len(body)
        writer.write(head + body)

    async with listening(respond) as target, Connection(target) as connection:
        first = await connection.send("POST", "/api/jobs", b"[1]")
        assert (first.status, first.body) == (201, b'{"n": 1}')
        connection.authorize("secret")
        assert await connection.call("GET", "/x") == {"n": 2}
    assert seen[0].startswith(b"POST /api/jobs HTTP/1.1\r\nhost: 127.0.0.1:")
    assert seen[0].endswith(b"content-length: 3\r\n\r\n[1]")
    assert b"authorization" not in seen[0]
    assert b"authorization: Bearer secret\r\n" in seen[1]


async def test_an_answer_in_pieces() -> None:
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world"

    def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
        async def drip() -> None:
            for byte in whole:
                writer.write(bytes([byte]))
                await asyncio.sleep(0)

        dripping.append(asyncio.ensure_future(drip()))

    dripping: list[asyncio.Future[None]] = []
    async with listening(respond) as target, Connection(target) as connection:
        for _ in range(2):
            assert (await connection.send("GET", "/")).body == b"hello world"
        await asyncio.gather(*dripping)


async def test_a_problem_becomes_an_error_with_its_detail() -> None:
    body = msgspec.json.encode({"detail": "queue: too long", "code": "invalid_input"})

    def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 422 X\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    async with listening(respond) as target, Connection(target) as connection:
        with pytest.raises(BenchmarkError, match="POST /a answered 422: queue: too long"):
            await connection.call("POST", "/a", {})


async def test_an_empty_answer() -> None:
    def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with listening(respond) as target, Connection(target) as connection:
        assert await connection.call("DELETE", "/a") is None


async def test_an_answer_without_length_is_an_error() -> None:
    def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")

    async with listening(respond) as target, Connection(target) as connection:
        with pytest.raises(BenchmarkError, match="Content-Length"):
            await connection.call("GET", "/a")


async def test_a_cut_connection_is_an_error_now_and_later() -> None:
    def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")
        writer.close()

    async with listening(respond) as target, Connection(target) as connection:
        with pytest.raises(BenchmarkError, match="lost"):
            await connection.call("GET", "/a")
        with pytest.raises(BenchmarkError, match="closed"):
            await connection.call("GET", "/a")


async def test_nobody_listens() -> None:
    with pytest.raises(BenchmarkError, match=r"no coordinator at http://127\.0\.0\.1:"):
        async with Connection(Target("127.0.0.1", free_port())):
            raise AssertionError("connected")


def test_addresses() -> None:
    assert Target.parse("http://[::1]:80/base/").url == "http://[::1]:80/base"
    assert Target.parse("https://host").port == 443
    for bad in ("host:5000", "ftp://host", "http://"):
        with pytest.raises(BenchmarkError, match="address"):
            Target.parse(bad)
