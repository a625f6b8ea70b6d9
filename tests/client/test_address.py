from __future__ import annotations

import pytest

from tenure.client.address import Address
from tenure.domain.errors import ConfigurationError


def test_an_address_is_taken_apart() -> None:
    address = Address.parse(" https://jobs.example.com:8443/tenure/ ")
    assert address.url == "https://jobs.example.com:8443/tenure"
    assert address.host_header == "jobs.example.com:8443"
    assert not address.loopback


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "[::1]", "x.localhost"]
)
def test_loopback_is_recognised(host: str) -> None:
    assert Address.parse(f"http://{host}:5000").loopback


@pytest.mark.parametrize("host", ["10.0.0.1", "example.com", "localhost.example.com"])
def test_the_rest_is_not_loopback(host: str) -> None:
    assert not Address.parse(f"http://{host}").loopback


def test_an_ipv6_address_keeps_its_brackets() -> None:
    address = Address.parse("http://[::1]:5000")
    assert (address.url, address.host, address.host_header) == (
        "http://[::1]:5000",
        "::1",
        "[::1]:5000",
    )


def test_what_is_not_ascii_is_written_as_the_network_wants_it() -> None:
    address = Address.parse("http://bücher.example/täglich/50%25")
    assert address.url == "http://xn--bcher-kva.example/t%C3%A4glich/50%25"
    assert address.host == address.host_header == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "url",
    [
        "x",
        "http://",
        "http:///x",
        "http://h:99999",
        "http://h:port",
        "mailto:a@b",
        "http://[::1",
        "http://ü..h",
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="coordinator_url"):
        Address.parse(url)


@pytest.mark.parametrize("url", ["http://u:pass@h", "http://u@h", "http://h?a=b", "http://h#f"])
def test_secrets_and_queries_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Address.parse(url)
    assert "pass" not in str(caught.value).replace("password", "")


def test_the_proxy_of_the_environment_serves_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example.com")
    assert Address.parse("http://example.com").proxy() == "http://proxy:3128"
    assert Address.parse("http://inside.example.com").proxy() is None
    assert Address.parse("http://127.0.0.1:5000").proxy() is None
