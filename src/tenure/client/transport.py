"""One request, one answer, over kept-alive connections. The only import site of httpx for the API.

Both transports speak to httpx's connection pools directly: redirects, cookies, authentication flows
and environment settings of its clients are neither wanted nor paid for.
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

import httpx

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
_LIMITS = httpx.Limits(
    max_connections=None, max_keepalive_connections=64, keepalive_expiry=_KEEP_ALIVE
)
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
    """A 2xx answer. `headers` are looked up in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def _pool_options(address: Address, ca_file: str | None) -> dict[str, Any]:
    verify: bool | ssl.SSLContext = address.scheme == "https"  # reading certificates costs 30 ms
    if verify and ca_file is not None:
        verify = _trusting(ca_file)
    return {
        "limits": _LIMITS,
        "proxy": address.proxy(),
        "trust_env": not address.loopback,
        "verify": verify,
    }


def _trusting(ca_file: str) -> ssl.SSLContext:
    """Only what this file's authorities signed. Raises ConfigurationError."""
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
    `transport`: an httpx transport that replaces the network, for tests in one process.
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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.address = Address.parse(base_url)
        self._requests = _Requests(self.address, token, timeout)
        self.patience = patience or Patience()
        self._pool = transport or httpx.HTTPTransport(**_pool_options(self.address, ca_file))

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

    def _send(self, request: httpx.Request) -> Answer:
        try:
            response = self._pool.handle_request(request)
            body = response.read()
        except httpx.TransportError as error:
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
                if response.status_code >= 300:
                    _answer(response, response.read())
                yield response.iter_raw()
            finally:
                response.close()
        except httpx.TransportError as error:
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.address = Address.parse(base_url)
        self._requests = _Requests(self.address, token, timeout)
        self.patience = patience or Patience()
        self._pool = transport or httpx.AsyncHTTPTransport(**_pool_options(self.address, ca_file))

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

    async def _send(self, request: httpx.Request) -> Answer:
        try:
            response = await self._pool.handle_async_request(request)
            body = await response.aread()
        except httpx.TransportError as error:
            raise self._requests.unreachable(error) from None
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
                if response.status_code >= 300:
                    _answer(response, await response.aread())
                yield response.aiter_raw()
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise self._requests.unreachable(error) from None

    async def aclose(self) -> None:
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
    ) -> httpx.Request:
        all_headers = self._headers
        if self._token is not None:
            all_headers = all_headers | {"Authorization": f"Bearer {self._token()}"}
        if body is not None or headers:
            all_headers = all_headers | dict(headers or {})
            if body is not None:
                all_headers["Content-Type"] = content_type
        silence = self._timeout if timeout is None else timeout
        return httpx.Request(
            method,
            self._address.url + path,
            headers=all_headers,
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
    ) -> httpx.Request:
        return self.build("GET", path, None, headers, silence(self._timeout), "")

    def unreachable(self, error: httpx.TransportError) -> Unreachable:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Unreachable(
                f"the certificate of {self._address.url} is not trusted: TENURE_TLS_CA names the "
                "file of an authority of your own"
            )
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return Unreachable(f"no coordinator answers at {self._address.url}")
        if isinstance(error, httpx.TimeoutException):
            return Unreachable(f"the coordinator at {self._address.url} did not answer in time")
        return Unreachable(f"the connection to {self._address.url} broke")


def _answer(response: httpx.Response, body: bytes) -> Answer:
    status = response.status_code
    if status < 300:
        return Answer(status, response.headers, body)
    after = _retry_after(response.headers.get("retry-after"))
    error = to_error(body, status, after)
    if type(error) is TenureError and status in _BY_STATUS:
        error = _BY_STATUS[status](error.detail, retry_after=after)
    raise error


def _retry_after(value: str | None) -> float | None:
    """Seconds. The date form of the header is not used by coordinators."""
    try:
        return None if value is None else max(0.0, float(value))
    except ValueError:
        return None
