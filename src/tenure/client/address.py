"""Where a coordinator is: its URL, checked and taken apart once."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit

from tenure.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Address:
    """`url` in ASCII, without a trailing slash; `host_header` is what HTTP calls Host."""

    url: str
    scheme: str
    host: str
    host_header: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ConfigurationError unless `text` is an http or https URL with a host.

        User information is refused: tokens do not belong in URLs, which end up in logs.
        """
        try:
            parts = urlsplit(text.strip())
            port = parts.port
            name = _ascii(parts.hostname or "")
        except ValueError:
            raise _wrong(text) from None
        if parts.scheme not in ("http", "https") or not name:
            raise _wrong(text)
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigurationError(
                "coordinator_url takes no user name, password, query or fragment"
            )
        host = f"[{name}]" if ":" in name else name
        authority = host if port is None else f"{host}:{port}"
        path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        return cls(f"{parts.scheme}://{authority}{path}", parts.scheme, name, authority)

    @property
    def loopback(self) -> bool:
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def proxy(self) -> str | None:
        """The proxy that the environment names for this address; never one for loopback."""
        if self.loopback:
            return None
        from urllib.request import getproxies, proxy_bypass

        return None if proxy_bypass(self.host) else getproxies().get(self.scheme)


def _ascii(host: str) -> str:
    """A host as the network knows it. Raises ValueError."""
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _wrong(text: str) -> ConfigurationError:
    return ConfigurationError(f"coordinator_url: {text!r} is not a URL like http://127.0.0.1:5000")
