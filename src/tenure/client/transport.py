"""One request, one answer, over kept-alive connections. The only import site of httpcore.

httpcore is what httpx sends its requests with. What httpx puts on top (redirects, cookies,
authentication flows, a command line that draws in colour) is neither wanted here nor paid for, at
the start of a command and in every request of a worker.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import httpcore

from tenure.client.address import Address
from tenure.client.retrying import Patience
from tenure.client.target import Token
from tenure.domain.errors import (
    ConfigurationError,
    Forbidden,
    TenureError,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from tenure.wire.problem import to_error

DEFAULT_TIMEOUT = 30.0
CONNECT_TIMEOUT = 5.0
_KEEP_ALIVE = 30.0  # shorter than the server's 75, so that it is we who close an idle connection
_MAX_IDLE = 64
_FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
"""What httpcore raises when no whole answer came."""
_BY_STATUS: dict[int, type[TenureError]] = {
    401: Unauthenticated,
    403: Forbidden,
    413: TooLarge,
    429: TooMany,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
"""What an answer without a problem document means: it is of a proxy on the way."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def _pool_options(address: Address, ca_file: str | None) -> dict[str, Any]:
    return {
        "max_connections": None,
        "max_keepalive_connections": _MAX_IDLE,
        "keepalive_expiry": _KEEP_ALIVE,
        "proxy": _proxy(address.proxy()),
        # reading certificates costs 30 ms: once, and only where they are used
        "ssl_context": _trusting(ca_file) if address.scheme == "https" else None,
    }


def _proxy(url: str | None) -> httpcore.Proxy | None:
    if url is None:
        return None
    parts = urlsplit(url)
    named = parts.username is not None
    return httpcore.Proxy(
        url, auth=(unquote(parts.username or ""), unquote(parts.password or "")) if named else None
    )


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    """What this file's authorities signed, and nothing else; None: what the system trusts.

    Raises ConfigurationError.
    """
    if ca_file is None:
        return httpcore.default_ssl_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"tls_ca: {ca_file} cannot be used: {why}") from None


class Transport:
    """For threads: blocking requests. May be used by several threads at once.

    `token`: the bearer token, or what gives the one of the moment.
    `timeout`: seconds of silence after which a request fails, not a bound on the whole answer.
    `ca_file`: PEM of the authorities to trust instead of the system's.
    `pool`: of connections, in place of its own; for tests.
    Raises ConfigurationError for an unusable `base_url` or `ca_file`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: Token | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        patience: Patience | None = None,
        ca_file: str | None = None,
        pool: httpcore.ConnectionPool | None = None,
    ) -> None:
        self.address = Address.parse(base_url)
        self._requests = _Requests(self.address, token, timeout)
        self.patience = patience or Patience()
        self._pool = pool or httpcore.ConnectionPool(**_pool_options(self.address, ca_file))

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        retry: bool = False,
        content_type: str = "application/json",
    ) -> Answer:
        """The 2xx answer to one request; `path` starts with `/` and holds the query.

        `retry=True` sends again after Unreachable, 503 and 429 within the patience: only for
        requests that are safe or carry an idempotency key. Raises the class named by the problem's
        code, Unreachable when no answer came (the request may have been carried out).
        """
        started, failures = time.monotonic(), 0
        while True:
            request = self._requests.build(method, path, body, headers, timeout, content_type)
            try:
                return self._send(request)
            except TenureError as error:
                failures += 1
                wait = self.patience.delay(error, failures, time.monotonic() - started)
                if not retry or wait is None:
                    raise
            time.sleep(wait)

    def _send(self, request: httpcore.Request) -> Answer:
        try:
            response = self._pool.handle_request(request)
            try:
                body = response.read()
            finally:
                response.close()
        except _FAILURES as error:
            raise self._requests.unreachable(error) from None
        return _answer(response, body)

    @contextmanager
    def stream(
        self, path: str, headers: Mapping[str, str], silence: Callable[[float], float]
    ) -> Iterator[Iterator[bytes]]:
        """The body of one GET as it comes, the connection closed at the end of the block.

        `silence`: from the transport's timeout to the seconds without a byte that end this one.
        Raises as `request`, while the body is read too.
        """
        request = self._requests.build_stream(path, headers, silence)
        try:
            response = self._pool.handle_request(request)
            try:
                if response.status >= 300:
                    _answer(response, response.read())
                yield response.iter_stream()
            finally:
                response.close()
        except _FAILURES as error:
            raise self._requests.unreachable(error) from None

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncTransport:
    """For asyncio. See `Transport`; one instance belongs to one event loop."""

    def __init__(
        self,
        base_url: str,
        *,
        token: Token | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        patience: Patience | None = None,
        ca_file: str | None = None,
        pool: httpcore.AsyncConnectionPool | None = None,
    ) -> None:
        self.address = Address.parse(base_url)
        self._requests = _Requests(self.address, token, timeout)
        self.patience = patience or Patience()
        self._pool = pool or httpcore.AsyncConnectionPool(**_pool_options(self.address, ca_file))
        self._closed = False

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        retry: bool = False,
        content_type: str = "application/json",
    ) -> Answer:
        """See `Transport.request`. Cancelling drops the connection, so the coordinator sees it."""
        started, failures = time.monotonic(), 0
        while True:
            request = self._requests.build(method, path, body, headers, timeout, content_type)
            try:
                return await self._send(request)
            except TenureError as error:
                failures += 1
                wait = self.patience.delay(error, failures, time.monotonic() - started)
                if not retry or wait is None:
                    raise
            await asyncio.sleep(wait)

    async def _send(self, request: httpcore.Request) -> Answer:
        try:
            response = await self._pool.handle_async_request(request)
            try:
                body = await response.aread()
            finally:
                await response.aclose()
        except _FAILURES as error:
            raise self._requests.unreachable(error) from None
        finally:
            await self._close_late()
        return _answer(response, body)

    @asynccontextmanager
    async def stream(
        self, path: str, headers: Mapping[str, str], silence: Callable[[float], float]
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """See `Transport.stream`."""
        request = self._requests.build_stream(path, headers, silence)
        try:
            response = await self._pool.handle_async_request(request)
            try:
                if response.status >= 300:
                    _answer(response, await response.aread())
                yield response.aiter_stream()
            finally:
                await response.aclose()
        except _FAILURES as error:
            raise self._requests.unreachable(error) from None
        finally:
            await self._close_late()

    async def aclose(self) -> None:
        """Close every connection; one that is still being made goes with its request's end."""
        self._closed = True
        await self._pool.aclose()

    async def _close_late(self) -> None:
        """httpcore's pool, closed while a request connects, would keep that connection."""
        if self._closed:
            await self._pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


class _Requests:
    """Builds the requests of one address. The token lives here and in no message."""

    def __init__(self, address: Address, token: Token | None, timeout: float) -> None:
        self._address = address
        self._base = httpcore.URL(address.url)
        self._prefix = self._base.target.rstrip(b"/")
        self._timeout = timeout
        self._token = token if callable(token) else None
        self._headers = {"Host": address.host_header, "User-Agent": "tenure", "Accept": "*/*"}
        if isinstance(token, str):
            self._headers["Authorization"] = f"Bearer {token}"

    def build(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        timeout: float | None,
        content_type: str,
    ) -> httpcore.Request:
        told = dict(self._headers)
        if self._token is not None:
            told["Authorization"] = f"Bearer {self._token()}"
        told |= headers or {}
        if body is not None:
            told |= {"Content-Type": content_type, "Content-Length": str(len(body))}
        silence = self._timeout if timeout is None else timeout
        base = self._base
        return httpcore.Request(
            method,
            httpcore.URL(
                scheme=base.scheme,
                host=base.host,
                port=base.port,
                target=self._prefix + path.encode("ascii"),
            ),
            headers=list(told.items()),
            content=body,
            extensions={
                "timeout": {
                    "connect": min(CONNECT_TIMEOUT, silence),
                    "read": silence,
                    "write": silence,
                    "pool": silence,
                }
            },
        )

    def build_stream(
        self, path: str, headers: Mapping[str, str], silence: Callable[[float], float]
    ) -> httpcore.Request:
        return self.build("GET", path, None, headers, silence(self._timeout), "")

    def unreachable(self, error: Exception) -> Unreachable:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Unreachable(
                f"the certificate of {self._address.url} is not trusted: TENURE_TLS_CA names the "
                "file of an authority of your own"
            )
        if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
            return Unreachable(f"no coordinator answers at {self._address.url}")
        if isinstance(error, httpcore.TimeoutException):
            return Unreachable(f"the coordinator at {self._address.url} did not answer in time")
        return Unreachable(f"the connection to {self._address.url} broke")


def _answer(response: httpcore.Response, body: bytes) -> Answer:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
    }
    if response.status < 300:
        return Answer(response.status, headers, body)
    after = _retry_after(headers.get("retry-after"))
    error = to_error(body, response.status, after)
    if type(error) is TenureError and response.status in _BY_STATUS:
        error = _BY_STATUS[response.status](error.detail, retry_after=after)
    raise error


def _retry_after(value: str | None) -> float | None:
    """Seconds. The date form of the header is not used by coordinators."""
    try:
        return None if value is None else max(0.0, float(value))
    except ValueError:
        return None
