"""The only way out to a URL that a user named."""

from __future__ import annotations

import functools
import ssl

import httpx

from tenure.outgoing.addresses import AllowList, resolve

_DEFAULT_PORTS = {"http": 80, "https": 443}


class GuardedTransport(httpx.AsyncBaseTransport):
    """Resolves a host once, checks every address it has, and connects to the one it checked.

    The name stays in `Host` and for TLS. Connections are not kept: two names may share an
    address, and not the trust in it. Follows no redirect, reads no proxy from the environment.
    Raises AddressRefused for what may not be reached, OSError for a name that does not resolve, and
    what httpx raises.
    """

    def __init__(self, allowed: AllowList) -> None:
        self._allowed = allowed
        self._inner = httpx.AsyncHTTPTransport(
            verify=_tls(),
            trust_env=False,
            retries=0,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        address = await resolve(url.host, url.port or _DEFAULT_PORTS[url.scheme], self._allowed)
        name = {"sni_hostname": url.raw_host.decode("ascii")}
        pinned = httpx.Request(
            request.method,
            url.copy_with(host=str(address)),
            headers=[("Host", url.netloc.decode("ascii")), *_without_host(request.headers)],
            stream=request.stream,
            extensions={**request.extensions, **name},
        )
        return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _without_host(headers: httpx.Headers) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.multi_items() if name.lower() != "host"]


@functools.cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes longer than most requests."""
    return httpx.create_ssl_context(trust_env=False)
