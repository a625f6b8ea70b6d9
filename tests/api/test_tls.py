"""TLS by certificate files: from a self-made certificate to a worker that trusts it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from tenure.api.server import build
from tenure.api.tls import check_tls
from tenure.client.asynchronous import AsyncClient
from tenure.client.blocking import Client
from tenure.client.retrying import Patience
from tenure.client.transport import AsyncTransport
from tenure.domain.errors import ConfigurationError, Unreachable
from tenure.settings import Settings

pytestmark = pytest.mark.anyio

ONCE = Patience(retry_for=0.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `ca.pem`, and `server.pem` and `server.key` for 127.0.0.1."""
    directory = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    for name in ("server", "other"):
        issued = authority.issue_cert("127.0.0.1")
        issued.private_key_pem.write_to_path(str(directory / f"{name}.key"))
        for number, pem in enumerate(issued.cert_chain_pems):
            pem.write_to_path(str(directory / f"{name}.pem"), append=number > 0)
    return directory


@pytest.fixture
async def served(made: Path, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a coordinator over TLS."""
    listening = socket.create_server(("127.0.0.1", 0))
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/t.db",
        tls_certificate=str(made / "server.pem"),
        tls_key=str(made / "server.key"),
    )
    server = build(settings)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not running.done():
        await asyncio.sleep(0.005)
    yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await running


async def test_both_clients_speak_tls_with_a_self_made_authority(served: str, made: Path) -> None:
    ca_file = str(made / "ca.pem")
    async with AsyncClient(served, ca_file=ca_file, patience=ONCE) as client:
        job = await client.submit("echo", 1)
    with Client(served, ca_file=ca_file, patience=ONCE) as blocking:
        assert (await asyncio.to_thread(blocking.get, job.id)).payload == 1
    async with AsyncTransport(served, ca_file=ca_file) as transport:
        answer = await transport.request("GET", "/health")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_a_certificate_nobody_vouches_for_is_refused(served: str) -> None:
    async with AsyncClient(served, patience=ONCE) as client:
        with pytest.raises(Unreachable, match="not trusted: TENURE_TLS_CA"):
            await client.get("x")


async def test_old_protocols_and_plain_text_are_refused(served: str, made: Path) -> None:
    plain = served.replace("https://", "http://")
    async with AsyncClient(plain, patience=ONCE) as client:
        with pytest.raises(Unreachable):
            await client.get("x")
    old = ssl.create_default_context(cafile=str(made / "ca.pem"))
    with pytest.warns(DeprecationWarning):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    port = int(served.rpartition(":")[2])
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", port, ssl=old)


def test_files_that_cannot_serve_are_named_at_start(made: Path, tmp_path: Path) -> None:
    pem, key, other = (str(made / name) for name in ("server.pem", "server.key", "other.key"))
    assert check_tls(None, None) is False
    assert check_tls(pem, key) is True
    wrong: list[tuple[str | None, str | None, str]] = [
        (pem, None, "tls_key: a certificate and its key are given together"),
        (None, key, "tls_certificate: a certificate"),
        (pem, str(tmp_path / "none"), "tls_key: cannot read .*none: No such file"),
        (str(tmp_path), key, "tls_certificate: cannot read"),
        (pem, other, "the key is not the one of the certificate"),
        (key, key, "not an unencrypted PEM certificate"),
        (pem, pem, "not an unencrypted PEM certificate"),
    ]
    for certificate, secret, message in wrong:
        with pytest.raises(ConfigurationError, match=message):
            build(
                Settings(
                    database_url=f"sqlite:///{tmp_path}/t.db",
                    tls_certificate=certificate,
                    tls_key=secret,
                )
            )


def test_a_key_with_a_password_is_refused_without_asking(made: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as s

    key = s.load_pem_private_key((made / "server.key").read_bytes(), None)
    locked = key.private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"secret")
    )
    (tmp_path / "locked.key").write_bytes(locked)
    with pytest.raises(ConfigurationError, match="not an unencrypted PEM"):
        check_tls(str(made / "server.pem"), str(tmp_path / "locked.key"))


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"tls_ca: .*ca\.pem cannot be used"):
        Client("https://127.0.0.1:1", ca_file=str(ca_file))
