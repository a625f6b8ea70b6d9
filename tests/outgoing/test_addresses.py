from __future__ import annotations

import ipaddress

import pytest

from tenure.outgoing.addresses import AddressRefused, AllowList, is_public, resolve

pytestmark = pytest.mark.anyio

NOBODY = AllowList.parse(())


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "100::1",
        "2606:4700::5efe:a00:1",
        "2606:4700::200:5efe:7f00:1",
    ],
)
def test_what_is_not_the_open_internet(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1",
        "93.184.216.34",
        "172.32.0.1",
        "192.169.0.1",
        "2606:4700:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::1",
        "2606:4700::5efe:101:101",
    ],
)
def test_what_is(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0", "::1"]
)
async def test_no_spelling_of_loopback_passes(host: str) -> None:
    with pytest.raises((AddressRefused, OSError)):
        await resolve(host, 80, NOBODY)


async def test_a_refusal_names_host_and_address() -> None:
    with pytest.raises(AddressRefused, match=r"localhost is (127\.0\.0\.1|::1), which is not"):
        await resolve("localhost", 80, NOBODY)


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.0/8"])
async def test_an_allowed_address_passes(entry: str) -> None:
    found = await resolve("127.0.0.1", 80, AllowList.parse([entry, "10.0.0.0/8"]))
    assert str(found) == "127.0.0.1"


@pytest.mark.parametrize("entry", ["localhost", "LocalHost."])
async def test_an_allowed_name_passes_and_only_that_name(entry: str) -> None:
    allowed = AllowList.parse([entry])
    assert (await resolve("localhost", 80, allowed)).is_loopback
    with pytest.raises(AddressRefused):
        await resolve("127.0.0.1", 80, allowed)


async def test_a_public_address_passes() -> None:
    assert str(await resolve("1.1.1.1", 443, NOBODY)) == "1.1.1.1"
