"""What a foreign page could make a browser send comes to nothing, and every answer is armoured."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tenure.api.gate import Gate
from tenure.settings import Settings
from tests.api.calls import Api, problem

pytestmark = pytest.mark.anyio

UNSAFE = ["POST", "PUT", "PATCH", "DELETE"]
SETTINGS = Settings(allowed_hosts=("jobs.example.org", "Named.Example.org.", "2001:DB8::0:1"))


class Reached:
    """An application that notes what came through and answers with nothing."""

    def __init__(self, *headers: tuple[bytes, bytes]) -> None:
        self.methods: list[str] = []
        self._headers = headers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.methods.append(scope["method"])
        await send({"type": "http.response.start", "status": 200, "headers": [*self._headers]})
        await send({"type": "http.response.body", "body": b""})


def _client(app: Any, settings: Settings = SETTINGS, scheme: str = "http") -> httpx.AsyncClient:
    gate: Any = Gate(app, settings)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=gate), base_url=f"{scheme}://127.0.0.1:5000"
    )


async def _raw(headers: list[tuple[bytes, bytes]], method: str = "POST", **scope: Any) -> int:
    """The status for exactly these headers, which no HTTP client would send."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    asked: Any = {
        "type": "http", "method": method, "scheme": "http", "headers": headers, "path": "/",
        "query_string": b"", "server": ("127.0.0.1", 5000), "client": ("127.0.0.1", 1),
    } | scope  # fmt: skip
    gate: Any = Gate(Reached(), SETTINGS)
    await gate(asked, receive, send)
    status: int = said[0]["status"]
    return status


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1", True), ("127.0.0.1:5000", True), ("localhost:80", True), ("LOCALHOST", True),
        ("localhost.", True), ("localhost.:5000", True), ("[::1]:5000", True), ("[::1]", True),
        ("[0:0:0:0:0:0:0:1]:5000", True), ("jobs.example.org", True),
        ("jobs.example.org:443", True), ("JOBS.example.ORG.", True), ("named.example.org", True),
        ("[2001:db8::1]", True), ("[2001:DB8:0::1]:80", True),
        ("evil.example.org", False), ("", False), ("localhost..", False),
        ("127.0.0.1.evil.org", False), ("localhost.evil.org:5000", False), ("[::2]:5000", False),
        ("evil.org@127.0.0.1", False), ("127.0.0.1:5000@evil.org", False), ("::1", False),
        ("[::1", False), ("::1]", False), ("[::1]evil", False), ("127.1", False),
        ("2130706433", False), ("0x7f.1", False), ("127.0.0.1:", False), ("127.0.0.1:x", False),
        ("127.0.0.1:99999", False), ("127.0.0.1:5000:1", False), ("127.0.0.1, evil.org", False),
        ("127.0.0.1/", False), ("127.0.0.1#", False), ("127.0.0.1%00", False),
        ("\u2024localhost", False), ("[::ffff:127.0.0.1]", False), ("0.0.0.0", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
async def test_foreign_hosts_are_refused(host: str, known: bool, method: str) -> None:
    app = Reached()
    async with _client(app) as client:
        answer = await client.request(method, "/", headers=[(b"Host", host.encode())])
    assert answer.status_code == (200 if known else 403)
    assert app.methods == ([method] if known else [])


async def test_a_request_names_exactly_one_host() -> None:
    good = (b"host", b"127.0.0.1")
    assert await _raw([good]) == 200
    assert await _raw([]) == 403
    assert await _raw([good, good]) == 403
    assert await _raw([good, (b"host", b"evil.org")]) == 403
    assert await _raw([(b"host", b"evil.org"), good]) == 403
    assert await _raw([(b"host", b"\xff")]) == 403


async def test_a_bind_by_name_is_a_known_host() -> None:
    settings = Settings(host="Box.local", insecure_bind=True)
    async with _client(Reached(), settings) as client:
        assert (await client.get("/", headers={"Host": "box.local:5000"})).status_code == 200


async def test_the_address_that_was_connected_to_needs_no_permission() -> None:
    there = ("192.168.1.4", 5000)
    assert await _raw([(b"host", b"192.168.1.4:5000")], server=there) == 200
    assert await _raw([(b"host", b"192.168.1.5:5000")], server=there) == 403
    assert await _raw([(b"host", b"[fd00::1]")], server=("fd00:0::1", 5000)) == 200
    assert await _raw([(b"host", b"evil.org")], server=("evil.org", 5000)) == 403
    assert await _raw([(b"host", b"192.168.1.4")], server=None) == 403


ORIGINS = [
    ("http://127.0.0.1:5000", True), ("HTTP://127.0.0.1:5000", False),
    ("https://127.0.0.1:5000", True),
    ("http://127.0.0.1", False), ("http://127.0.0.1:80", False), ("http://127.0.0.1:3000", False),
    ("http://localhost:5000", False), ("http://[::1]:5000", False), ("null", False),
    ("http://evil.org", False), ("http://127.0.0.1.evil.org:5000", False), ("", False),
    ("http://evil.org#127.0.0.1:5000", False), ("http://[::1", False),
    ("http://127.0.0.1:5000@evil.org", False), ("http://127.0.0.1:5000/", False),
    ("ftp://127.0.0.1:5000", False), ("127.0.0.1:5000", False), ("file://", False),
    ("http://127.0.0.1:5000, http://evil.org", False),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "known"), ORIGINS)
@pytest.mark.parametrize("method", UNSAFE)
async def test_only_pages_from_here_may_change_anything(
    method: str, origin: str, known: bool
) -> None:
    app = Reached()
    async with _client(app) as client:
        answer = await client.request(method, "/", headers={"Origin": origin})
    assert answer.status_code == (200 if known else 403)
    assert app.methods == ([method] if known else [])


@pytest.mark.parametrize(
    ("scheme", "origin", "host", "known"),
    [
        ("http", b"https://jobs.example.org", b"jobs.example.org", True),
        ("http", b"http://jobs.example.org", b"jobs.example.org", True),
        ("http", b"https://jobs.example.org:443", b"jobs.example.org", True),
        ("http", b"https://jobs.example.org", b"jobs.example.org:443", True),
        ("http", b"https://jobs.example.org", b"jobs.example.org:80", False),
        ("https", b"https://jobs.example.org", b"jobs.example.org", True),
        ("https", b"http://jobs.example.org", b"jobs.example.org", False),
        ("https", b"http://jobs.example.org:443", b"jobs.example.org:443", False),
    ],
)
async def test_scheme_and_port_of_an_origin_count(
    scheme: str, origin: bytes, host: bytes, known: bool
) -> None:
    status = await _raw([(b"host", host), (b"origin", origin)], scheme=scheme)
    assert status == (200 if known else 403)


async def test_a_second_origin_does_not_slip_through() -> None:
    good, bad = (b"origin", b"http://127.0.0.1"), (b"origin", b"http://evil.org")
    host = (b"host", b"127.0.0.1")
    assert await _raw([host, good]) == 200
    assert await _raw([host, good, bad]) == 403
    assert await _raw([host, bad, good]) == 403


async def test_reading_is_open_to_any_origin_without_its_credentials(fresh: Api) -> None:
    answer = await fresh.client.get("/api/stats", headers={"Origin": "http://evil.org"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    asked = {"Origin": "http://evil.org", "Access-Control-Request-Method": "DELETE"}
    answer = await fresh.client.options("/api/jobs/x", headers=asked)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        ("application/json", True), ("Application/JSON; charset=utf-8", True),
        ("application/x-ndjson", True), ("text/plain", False), ("multipart/form-data", False),
        ("application/x-www-form-urlencoded", False), ("application/json, text/plain", False),
        ("text/plain; application/json", False), ("application/json+x", False), ("", False),
        ("application/jsonp", False), ("application/merge-patch+json", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("body", [b"{}", b""])
async def test_what_a_plain_form_could_send_is_refused(
    method: str, kind: str, taken: bool, body: bytes
) -> None:
    app = Reached()
    async with _client(app) as client:
        answer = await client.request(method, "/", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, app.methods) == ((200, [method]) if taken else (415, []))


@pytest.mark.parametrize("method", UNSAFE)
async def test_a_body_says_what_it_is_and_no_body_need_not(method: str) -> None:
    host = (b"host", b"127.0.0.1")
    assert await _raw([host], method) == 200
    assert await _raw([host, (b"content-length", b"0")], method) == 200
    assert await _raw([host, (b"content-length", b"2")], method) == 415
    assert await _raw([host, (b"transfer-encoding", b"chunked")], method) == 415
    twice = [(b"content-type", b"application/json"), (b"content-type", b"text/plain")]
    assert await _raw([host, *twice, (b"content-length", b"2")], method) == 415


async def test_a_foreign_page_changes_nothing(fresh: Api) -> None:
    [job_id] = await fresh.submit("default")
    calls = [("POST", f"/api/jobs/{job_id}/cancel"), ("PATCH", f"/api/jobs/{job_id}"),
             ("PUT", f"/api/jobs/{job_id}"), ("DELETE", f"/api/jobs/{job_id}"),
             ("POST", "/api/nothing")]  # fmt: skip
    for method, path in calls:
        answer = await fresh.client.request(
            method, path, headers={"Origin": "http://evil.org"}, json={"priority": 1}
        )
        problem(answer, 403, "forbidden")
        answer = await fresh.client.request(
            method, path, content=b'{"priority":1}', headers={"Content-Type": "text/plain"}
        )
        problem(answer, 415, "unsupported_media_type")
    job = await fresh.job(job_id)
    assert (job["version"], job["status"]) == (1, "pending")


ARMOUR = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/api/jobs", {}), ("GET", "/health", {}), ("GET", "/api/nothing", {}),
        ("POST", "/health", {}), ("GET", "/api/jobs", {"Host": "evil.org"}),
        ("DELETE", "/api/jobs/x", {}), ("GET", "/api/openapi.json", {}),
        ("POST", "/api/jobs", {"Content-Type": "text/plain"}), ("OPTIONS", "/api/jobs", {}),
    ],
)  # fmt: skip
async def test_every_answer_is_armoured(
    fresh: Api, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = await fresh.client.request(method, path, headers=headers)
    assert ARMOUR.items() <= dict(answer.headers).items()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "strict-transport-security" not in answer.headers
    assert "server" not in answer.headers


async def test_pages_are_armoured_too(fresh: Api) -> None:
    page = await fresh.client.get("/")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-cache"


async def test_an_answer_may_say_how_long_it_is_kept() -> None:
    async with _client(Reached((b"Cache-Control", b"max-age=60"))) as client:
        assert (await client.get("/")).headers.get_list("cache-control") == ["max-age=60"]


async def test_browsers_are_told_to_stay_with_tls() -> None:
    async with _client(Reached(), scheme="https") as client:
        assert (await client.get("/")).headers["strict-transport-security"] == "max-age=31536000"
