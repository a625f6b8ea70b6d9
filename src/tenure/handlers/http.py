"""`http`: one HTTP request to a public address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, Literal
from urllib.parse import urljoin

import httpx
from pydantic import BaseModel, ConfigDict, Field, field_validator

from tenure.domain.run import Fail, Retry
from tenure.outgoing.addresses import AddressRefused, AllowList
from tenure.outgoing.transport import GuardedTransport
from tenure.worker.context import Context
from tenure.worker.registry import handler

MAX_RESPONSE_BYTES = 256 * 1024
MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WORTH_A_RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade"})
_HIDDEN = frozenset({"set-cookie", "www-authenticate", "proxy-authenticate"})
Status = Annotated[int, Field(ge=100, le=599)]


class HttpRequest(BaseModel):
    """One request. `body` is sent as it is when it is text, else as JSON.

    `timeout` bounds everything, redirects and the body of the answer included, in seconds.
    `expected_statuses`: what counts as success; every 2xx when empty.
    """

    model_config = ConfigDict(extra="forbid")

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    url: Annotated[str, Field(min_length=1, max_length=8_000)]
    headers: dict[str, str] = {}
    body: Any = None
    timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    expected_statuses: list[Status] = []

    @field_validator("headers")
    @classmethod
    def _free_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if name.lower() in _OURS:
                raise ValueError(f"{name} is set by the handler")
            if not name.isascii() or any(c in name + text for c in "\r\n\0"):
                raise ValueError("a header must be one line")
        return value

    @field_validator("url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        try:
            url = httpx.URL(value)
        except httpx.InvalidURL:
            raise ValueError("not a URL") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("must start with http:// or https:// and name a host")
        if url.userinfo:
            raise ValueError("must not hold credentials: use a header")
        return value


class UnexpectedAnswer(Exception):  # noqa: N818 - the name is what users read in a job's error
    """No HTTP answer came, or one that cannot be followed."""


Http = Callable[[HttpRequest, Context], Awaitable[dict[str, Any]]]


def http_handler(allow: Iterable[str] = ()) -> Http:
    """The handler of type `http`; `allow` are the addresses, networks and host names that it may
    reach although they are not public."""
    allowed = AllowList.parse(allow, "TENURE_HTTP_ALLOW")

    @handler("http")
    async def http(payload: HttpRequest, ctx: Context) -> dict[str, Any]:
        """Send the request. Returns `status`, `headers`, `body` (JSON or text, at most 256 KiB)
        and `truncated`. An unexpected status fails; 5xx, 408, 425 and 429 are retried."""
        try:
            async with asyncio.timeout(payload.timeout):
                return await _exchange(payload, ctx, allowed)
        except TimeoutError:
            raise UnexpectedAnswer(f"no answer within {payload.timeout:g} s") from None
        except AddressRefused as error:
            raise Fail(str(error)) from None
        except httpx.HTTPError as error:
            raise UnexpectedAnswer(f"{type(error).__name__}: {error}") from None

    return http


http = http_handler()


async def _exchange(asked: HttpRequest, ctx: Context, allowed: AllowList) -> dict[str, Any]:
    url, method = httpx.URL(asked.url), asked.method
    headers, content = _headers(asked)
    async with GuardedTransport(allowed) as transport:
        for _ in range(MAX_REDIRECTS + 1):
            request = _request(method, url, headers, content, asked.timeout)
            try:
                response = await transport.handle_async_request(request)
            except OSError as error:
                why = f"{url.host} cannot be resolved: {error.strerror}"
                raise UnexpectedAnswer(why) from None
            try:
                ctx.log.info(f"{method} {_shown(url)}: {response.status_code}")
                if response.status_code not in _REDIRECTS or "location" not in response.headers:
                    return await _answer(asked, response)
                if response.status_code in asked.expected_statuses:
                    return await _answer(asked, response)
                url = _next(url, response)
                if response.status_code == 303 or (
                    response.status_code in (301, 302) and method == "POST"
                ):
                    method, content = "GET", b""
            finally:
                await response.aclose()
    raise UnexpectedAnswer(f"more than {MAX_REDIRECTS} redirects")


def _request(
    method: str, url: httpx.URL, headers: dict[str, str], content: bytes, timeout: float
) -> httpx.Request:
    return httpx.Request(
        method,
        url,
        headers=headers,
        content=content or None,
        extensions={
            "timeout": {
                "connect": min(CONNECT_SECONDS, timeout),
                "read": timeout,
                "write": timeout,
                "pool": timeout,
            },
        },
    )


def _headers(asked: HttpRequest) -> tuple[dict[str, str], bytes]:
    headers = {"User-Agent": "tenure", "Accept": "*/*", "Accept-Encoding": "identity"}
    known = {name.lower() for name in asked.headers}
    headers = {name: text for name, text in headers.items() if name.lower() not in known}
    headers.update(asked.headers)
    if asked.body is None:
        return headers, b""
    if isinstance(asked.body, str):
        return headers, asked.body.encode()
    if "content-type" not in known:
        headers["Content-Type"] = "application/json"
    return headers, json.dumps(asked.body, ensure_ascii=False).encode()


def _next(url: httpx.URL, response: httpx.Response) -> httpx.URL:
    """Where a redirect leads: the same host, not from https to http. Raises Fail."""
    try:
        target = httpx.URL(urljoin(str(url), response.headers["location"]))
    except httpx.InvalidURL:
        raise Fail("redirected to something that is no URL") from None
    upgraded = (url.scheme, target.scheme) == ("http", "https") and not (url.port or target.port)
    same = (url.scheme, url.port) == (target.scheme, target.port)
    if target.host != url.host or not (same or upgraded):
        raise Fail(f"redirected to another host: {target.scheme}://{target.host}")
    return target


async def _answer(asked: HttpRequest, response: httpx.Response) -> dict[str, Any]:
    body, truncated = await _read(response)
    status = response.status_code
    expected = asked.expected_statuses
    if not (status in expected if expected else 200 <= status < 300):
        message = f"HTTP {status}: {body[:500].decode('utf-8', 'replace')}"
        if status in _WORTH_A_RETRY:
            raise Retry(message, after=_retry_after(response))
        raise Fail(message)
    headers = {name: text for name, text in response.headers.items() if name not in _HIDDEN}
    said = _decoded(response, body, truncated)
    return {"status": status, "headers": headers, "body": said, "truncated": truncated}


async def _read(response: httpx.Response) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            return bytes(body[:MAX_RESPONSE_BYTES]), True
    return bytes(body), False


def _decoded(response: httpx.Response, body: bytes, truncated: bool) -> Any:
    if "json" in response.headers.get("content-type", "") and not truncated:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            return body.decode("utf-8", "replace")
    return body.decode("utf-8", "replace")


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return min(max(0.0, float(response.headers.get("retry-after", ""))), 86_400.0)
    except ValueError:
        return None


def _shown(url: httpx.URL) -> str:
    """A URL for the log: no query, which may hold credentials."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}{url.path}"
