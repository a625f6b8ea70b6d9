from __future__ import annotations

import inspect
import os
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tenure.client.retrying import Patience
from tenure.client.transport import Answer, AsyncTransport, Transport
from tenure.domain.errors import (
    ConfigurationError,
    Forbidden,
    InvalidInput,
    LeaseLost,
    TenureError,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from tenure.wire.base import encode
from tenure.wire.problem import from_error
from tests.client.scripted import Reply, free_port, scripted

pytestmark = pytest.mark.anyio

QUICK = Patience(retry_for=2.0, first_delay=0.001, max_delay=0.01)
Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture(params=["blocking", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """One request on a transport of its own, by both kinds in turn."""

    async def go(url: str, *arguments: Any, **options: Any) -> Answer:
        made: dict[str, Any] = {
            key: options.pop(key) for key in ("token", "timeout") if key in options
        }
        made["patience"] = options.pop("patience", QUICK)
        if request.param == "blocking":
            with Transport(url, **made) as transport:
                return transport.request(*arguments, **options)
        async with AsyncTransport(url, **made) as transport_:
            return await transport_.request(*arguments, **options)

    return go


def problem(error: TenureError, status: int, **headers: str) -> Reply:
    return Reply(
        status,
        encode(from_error(error, status)),
        {"Content-Type": "application/problem+json"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
    )


async def test_an_answer_is_status_headers_and_body(ask: Ask) -> None:
    with scripted(Reply(201, b'{"id":"x"}', {"Location": "/api/jobs/x"})) as server:
        answer = await ask(server.url, "POST", "/api/jobs?a=b", body=b"{}", headers={"Prefer": "p"})
        assert (answer.status, answer.body) == (201, b'{"id":"x"}')
        assert answer.headers["location"] == "/api/jobs/x"
        asked = server.asked[0]
        assert (asked.method, asked.path, asked.body) == ("POST", "/api/jobs?a=b", b"{}")
        assert asked.headers["Content-Type"] == "application/json"
        assert asked.headers["Prefer"] == "p"
        assert asked.headers["Content-Length"] == "2"
        assert asked.headers["Host"] == server.url.removeprefix("http://")


async def test_content_type_is_only_sent_with_a_body(ask: Ask) -> None:
    with scripted() as server:
        await ask(server.url, "GET", "/api/jobs", content_type="x/y")
        await ask(server.url, "POST", "/api/jobs", body=b"", content_type="application/x-ndjson")
        assert "Content-Type" not in server.asked[0].headers
        assert server.asked[1].headers["Content-Type"] == "application/x-ndjson"


async def test_the_token_travels_as_bearer(ask: Ask) -> None:
    with scripted() as server:
        await ask(server.url, "GET", "/x", token="s3cret")
        assert server.asked[0].headers["Authorization"] == "Bearer s3cret"


async def test_a_problem_is_raised_as_its_class(ask: Ask) -> None:
    error = InvalidInput.field("/priority", "must be an integer")
    with scripted(problem(error, 422), problem(LeaseLost("stale"), 409)) as server:
        with pytest.raises(InvalidInput) as caught:
            await ask(server.url, "POST", "/api/jobs", body=b"{}")
        assert caught.value.errors == error.errors
        with pytest.raises(LeaseLost, match="stale"):
            await ask(server.url, "POST", "/api/jobs", body=b"{}")


async def test_what_is_no_problem_document_is_still_an_error(ask: Ask) -> None:
    with (
        scripted(Reply(404, b"<h1>nothing here</h1>")) as server,
        pytest.raises(TenureError, match="HTTP 404"),
    ):
        await ask(server.url, "GET", "/x")


async def test_a_redirect_is_an_error_and_not_followed(ask: Ask) -> None:
    with scripted(Reply(307, b"", {"Location": "http://127.0.0.1:1/"})) as server:
        with pytest.raises(TenureError, match="HTTP 307"):
            await ask(server.url, "GET", "/x")
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Unauthenticated), (403, Forbidden), (413, TooLarge), (429, TooMany)]
    + [(status, Unavailable) for status in (502, 503, 504)],
)
async def test_what_a_proxy_says_is_understood(
    ask: Ask, status: int, kind: type[TenureError]
) -> None:
    reply = Reply(status, b"<h1>so it is</h1>", {"Retry-After": "7"})
    with scripted(reply) as server, pytest.raises(kind) as caught:
        await ask(server.url, "GET", "/x")
    assert caught.value.retry_after == 7


async def test_nobody_listening_is_unreachable(ask: Ask) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable, match=url):
        await ask(url, "GET", "/x")


async def test_a_connection_cut_after_the_request_is_unreachable(ask: Ask) -> None:
    with scripted(Reply(cut=True)) as server:
        with pytest.raises(Unreachable, match="broke"):
            await ask(server.url, "POST", "/x", body=b"{}")
        assert len(server.asked) == 1


async def test_silence_is_unreachable_after_the_timeout(ask: Ask) -> None:
    released = threading.Event()
    with scripted(Reply(held=released)) as server:
        try:
            with pytest.raises(Unreachable, match="in time"):
                await ask(server.url, "GET", "/x", timeout=0.05)
        finally:
            released.set()


async def test_only_what_may_be_repeated_is_repeated(ask: Ask) -> None:
    with scripted(Reply(cut=True), Reply()) as server:
        with pytest.raises(Unreachable):
            await ask(server.url, "POST", "/x", body=b"1")
        assert len(server.asked) == 1


async def test_a_repeated_request_is_the_same_request(ask: Ask) -> None:
    away = problem(Unavailable("store away"), 503)
    busy = problem(TooMany("slow down"), 429)
    with scripted(Reply(cut=True), away, busy, Reply(body=b"ok")) as server:
        answer = await ask(
            server.url, "POST", "/x", body=b"{1}", headers={"Idempotency-Key": "k"}, retry=True
        )
        assert answer.body == b"ok"
        assert {(a.method, a.path, a.body) for a in server.asked} == {("POST", "/x", b"{1}")}
        assert {a.headers["Idempotency-Key"] for a in server.asked} == {"k"}
        assert len(server.asked) == 4


async def test_an_error_that_will_not_go_away_is_not_repeated(ask: Ask) -> None:
    with scripted(problem(InvalidInput("no"), 422), Reply()) as server:
        with pytest.raises(InvalidInput):
            await ask(server.url, "GET", "/x", retry=True)
        assert len(server.asked) == 1


async def test_a_retry_after_beyond_the_patience_is_raised_at_once(ask: Ask) -> None:
    with scripted(problem(Unavailable("later"), 503, Retry_After="60"), Reply()) as server:
        with pytest.raises(Unavailable) as caught:
            await ask(server.url, "GET", "/x", retry=True)
        assert caught.value.retry_after == 60
        assert len(server.asked) == 1


async def test_connections_are_kept() -> None:
    with scripted() as server, Transport(server.url) as transport:
        for _ in range(3):
            transport.request("GET", "/x")
        assert len({asked.connection for asked in server.asked}) == 1


async def test_proxies_of_the_environment_are_not_used_for_loopback(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "http_proxy", f"http://127.0.0.1:{free_port()}")
    with scripted(Reply(body=b"direct")) as server:
        assert (await ask(server.url, "GET", "/x")).body == b"direct"


async def test_the_path_of_the_base_url_stays() -> None:
    with scripted() as server, Transport(f"{server.url}/tenure/") as transport:
        transport.request("GET", "/api/jobs")
        assert server.asked[0].path == "/tenure/api/jobs"


@pytest.mark.parametrize("named", ["", "us%40er:p%3Aw@"])
async def test_a_proxy_is_asked_for_the_whole_url(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    with scripted(Reply(body=b"by proxy")) as proxy:
        monkeypatch.setitem(os.environ, "http_proxy", proxy.url.replace("//", f"//{named}"))
        assert (await ask("http://far.example/x", "GET", "/y")).body == b"by proxy"
    (asked,) = proxy.asked
    assert (asked.path, asked.headers["Host"]) == ("http://far.example/x/y", "far.example")
    expected = "Basic " + b64encode(b"us@er:p:w").decode() if named else None
    assert asked.headers.get("Proxy-Authorization") == expected


@pytest.mark.parametrize("url", ["", "localhost:5000", "ftp://x", "http://", "http://u:p@h"])
def test_an_unusable_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Transport(url)


def test_both_transports_ask_in_the_same_way() -> None:
    blocking = inspect.signature(Transport.request)
    assert inspect.signature(AsyncTransport.request).parameters == blocking.parameters
