from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from pydantic import ValidationError

from tenure.domain.run import Fail, Retry
from tenure.handlers.http import (
    MAX_RESPONSE_BYTES,
    HttpRequest,
    UnexpectedAnswer,
    http,
    http_handler,
)
from tests.client.scripted import free_port
from tests.handlers.scenes import Told, context

pytestmark = pytest.mark.anyio

allowed = http_handler(["127.0.0.1", "localhost"])


class Site(BaseHTTPRequestHandler):
    """Answers what the query asks for; `/mirror` says what it was sent."""

    protocol_version = "HTTP/1.1"
    gate = threading.Event()

    def answer(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if url.path == "/slow":
            self.gate.wait(5)
        content = self._content(url.path, asked, body)
        self.send_response(int(asked.get("status", 200)))
        if "to" in asked:
            self.send_header("Location", asked["to"])
        if "after" in asked:
            self.send_header("Retry-After", asked["after"])
        self.send_header("Set-Cookie", "secret=1")
        self.send_header("Content-Type", asked.get("type", "application/json"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _content(self, path: str, asked: dict[str, str], body: bytes) -> bytes:
        if path == "/large":
            return b"x" * (MAX_RESPONSE_BYTES + 10)
        if "say" in asked:
            return asked["say"].encode()
        return json.dumps(
            {
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): text for name, text in self.headers.items()},
                "body": body.decode(),
            }
        ).encode()

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Site.gate.set()
    server.shutdown()
    server.server_close()
    thread.join()


async def _send(url: str, told: Told | None = None, **fields: Any) -> dict[str, Any]:
    return await allowed(HttpRequest(url=url, **fields), context(told or Told()))


async def test_a_request_arrives_as_it_was_asked_for(site: str) -> None:
    answer = await _send(
        f"{site}/mirror?a=1",
        method="POST",
        headers={"X-Key": "abc"},
        body={"é": [1]},
    )
    said = answer["body"]
    assert (answer["status"], answer["truncated"]) == (200, False)
    assert (said["method"], said["path"], said["body"]) == ("POST", "/mirror?a=1", '{"é": [1]}')
    assert said["headers"]["x-key"] == "abc"
    assert said["headers"]["content-type"] == "application/json"
    assert said["headers"]["host"] == site.removeprefix("http://")
    assert "set-cookie" not in answer["headers"]


async def test_text_goes_out_as_it_is_and_the_host_name_is_kept(site: str) -> None:
    url = site.replace("127.0.0.1", "localhost")
    said = (await _send(f"{url}/mirror", method="PUT", body="plain"))["body"]
    assert said["body"] == "plain"
    assert "content-type" not in said["headers"]
    assert said["headers"]["host"] == url.removeprefix("http://")


async def test_answers_that_are_no_json_are_text(site: str) -> None:
    assert (await _send(f"{site}/?say=hello&type=text/plain"))["body"] == "hello"
    assert (await _send(f"{site}/?say=broken"))["body"] == "broken"
    assert (await _send(f"{site}/", method="HEAD"))["body"] == ""


async def test_a_large_answer_is_cut(site: str) -> None:
    answer = await _send(f"{site}/large")
    assert answer["truncated"]
    assert len(answer["body"]) == MAX_RESPONSE_BYTES


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_clients_fault_fails_for_good(site: str, status: int) -> None:
    with pytest.raises(Fail, match=f"HTTP {status}: gone"):
        await _send(f"{site}/?status={status}&say=gone")


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_servers_trouble_is_retried_when_it_says(site: str, status: int) -> None:
    with pytest.raises(Retry, match=f"HTTP {status}") as caught:
        await _send(f"{site}/?status={status}&after=7")
    assert caught.value.after == 7
    with pytest.raises(Retry) as caught:
        await _send(f"{site}/?status={status}&after=soon")
    assert caught.value.after is None


async def test_expected_statuses_decide(site: str) -> None:
    assert (await _send(f"{site}/?status=404", expected_statuses=[404]))["status"] == 404
    assert (await _send(f"{site}/?status=302&to=/x", expected_statuses=[302]))["status"] == 302
    with pytest.raises(Fail):
        await _send(f"{site}/?status=200", expected_statuses=[204])


async def test_redirects_on_the_same_host_are_followed(site: str) -> None:
    said = (await _send(f"{site}/?status=307&to=/mirror", method="POST", body="x"))["body"]
    assert (said["method"], said["path"], said["body"]) == ("POST", "/mirror", "x")
    said = (await _send(f"{site}/?status=303&to=/mirror", method="POST", body="x"))["body"]
    assert (said["method"], said["body"]) == ("GET", "")


async def test_redirects_to_another_host_or_port_are_not(site: str) -> None:
    for target in ("http://localhost:1/x", "http://169.254.169.254/", "http://127.0.0.1:1/"):
        with pytest.raises(Fail, match="redirected to another host"):
            await _send(f"{site}/?status=302&to={target}")


async def test_redirects_come_to_an_end(site: str) -> None:
    with pytest.raises(UnexpectedAnswer, match="more than 5 redirects"):
        url = f"{site}/end"
        for _ in range(7):
            url = f"{site}/?status=302&to={quote(url, safe='')}"
        await _send(url)


async def test_time_is_bounded(site: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        await _send(f"{site}/slow", timeout=0.1)


async def test_nobody_listening_is_a_failure_to_retry() -> None:
    with pytest.raises(UnexpectedAnswer, match="ConnectError"):
        await _send(f"http://127.0.0.1:{free_port()}/")


async def test_a_name_that_does_not_resolve_is_a_failure_to_retry() -> None:
    with pytest.raises(UnexpectedAnswer, match="cannot be resolved"):
        await _send("http://no-such-host.invalid/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"])
async def test_addresses_that_are_not_public_are_refused_for_good(site: str, host: str) -> None:
    port = site.rpartition(":")[2]
    with pytest.raises(Fail, match="not a public address"):
        await http(HttpRequest(url=f"http://{host}:{port}/"), context(Told()))


async def test_the_log_has_no_credentials(site: str) -> None:
    told = Told()
    await _send(f"{site}/mirror?token=hunter2", told, headers={"Authorization": "Bearer hunter2"})
    assert "200" in told.text
    assert "hunter2" not in told.text


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "ftp://example.com/"},
        {"url": "http://user:secret@example.com/"},
        {"url": "/relative"},
        {"url": "http://"},
        {"url": "http://example.com/", "method": "TRACE"},
        {"url": "http://example.com/", "headers": {"Host": "internal"}},
        {"url": "http://example.com/", "headers": {"X": "a\r\nY: b"}},
        {"url": "http://example.com/", "timeout": 0},
        {"url": "http://example.com/", "extra": 1},
    ],
)
def test_requests_that_cannot_be(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HttpRequest(**fields)
