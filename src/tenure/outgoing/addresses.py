"""Which network addresses may be connected to for a user.

A name is resolved once and the connection goes to that address, so a name that resolves to
something else a moment later cannot lead elsewhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Self

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's metadata service at a public address
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001:db8::/32",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
_ISATAP = 0x5EFE
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):  # noqa: N818 - the name is what users read in a job's error
    """The target is not a public address and not on the allow-list."""


class AllowList:
    """Host names, addresses and networks that may be reached although they are not public."""

    def __init__(
        self, names: frozenset[str], networks: tuple[Network, ...], setting: str = ""
    ) -> None:
        self._names = names
        self._networks = networks
        self.setting = setting

    @classmethod
    def parse(cls, entries: Iterable[str], setting: str = "") -> Self:
        """Each entry is an address, a network like 10.1.0.0/16, or a host name. `setting` is where
        a person finds the list, for messages."""
        names: set[str] = set()
        networks: list[Network] = []
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                names.add(entry.lower().rstrip("."))
        return cls(frozenset(names), tuple(networks), setting)

    def covers(self, host: str, address: Address) -> bool:
        return host.lower().rstrip(".") in self._names or any(
            address in network for network in self._networks
        )


def is_public(address: Address) -> bool:
    """Whether `address` is one of the open internet, also behind each form of embedding."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        embedded = _embedded(address)
        if embedded is not None:
            return all(is_public(inner) for inner in embedded)
    return address.is_global and not any(address in network for network in _REFUSED)


def _embedded(address: ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...] | None:
    """The IPv4 addresses inside an IPv6 one: mapped, 6to4, Teredo, NAT64, ISATAP."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    if int(address) >> 32 & 0xFDFFFFFF == _ISATAP:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    return None


async def resolve(host: str, port: int, allowed: AllowList) -> Address:
    """The address to connect to: the first of `host`'s, if all of them may be reached.

    Raises AddressRefused, and OSError when the name does not resolve.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(entry[4][0])) for entry in found]
    for address in addresses:
        if not is_public(address) and not allowed.covers(host, address):
            hint = f" ({allowed.setting} lists exceptions)" if allowed.setting else ""
            raise AddressRefused(f"{host} is {address}, which is not a public address{hint}")
    return addresses[0]
