"""The certificate the coordinator serves with, checked before anything is served."""

from __future__ import annotations

import ssl
from pathlib import Path

from tenure.domain.errors import ConfigurationError


def check_tls(certificate: str | None, key: str | None) -> bool:
    """Whether the coordinator serves over TLS. Raises ConfigurationError unless both files are
    there, belong together and need no password."""
    if certificate is None and key is None:
        return False
    if certificate is None or key is None:
        missing = "tls_key" if key is None else "tls_certificate"
        raise ConfigurationError(f"{missing}: a certificate and its key are given together")
    for name, path in (("tls_certificate", certificate), ("tls_key", key)):
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{name}: cannot read {path}: {error.strerror}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        raise ConfigurationError(f"tls_certificate, tls_key: {_why(error)}") from None
    return True


def _why(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is not the one of the certificate"
    return f"not an unencrypted PEM certificate and its key ({error.reason or error})"
