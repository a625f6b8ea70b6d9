"""Weak secrets."""

from __future__ import annotations

import secrets

import pytest

from tenure.domain.secret import weakness


@pytest.mark.parametrize(
    "secret",
    [
        "", "short", "x" * 31, "x" * 32, "abcabc" * 10, "0123456789abcdef0123456789abcdef",
        "your-256-bit-secret-goes-right-here!", "change-me-change-me-change-me-please",
        "CHANGE_THIS_SECRET_IN_PRODUCTION_NOW", "super_secret_jwt_key_for_development",
        "my-secret-key-that-is-long-enough-1", "insecure-default-key-do-not-use-this",
        "tenure-tenure-secret-1234-abcd-efgh", "devpass-devpass-devpass-devpass-xyzw",
        "deadbeefcafe1234deadbeefcafe12345678", "P@ssw0rd-password-2026-long-enough!!",
        "qwertyuiopasdfghjklzxcvbnm1234567890",
    ],
)  # fmt: skip
def test_weak_ones(secret: str) -> None:
    assert weakness(secret)


def test_good_ones() -> None:
    for _ in range(1_000):
        assert weakness(secrets.token_urlsafe(32)) is None
        assert weakness(secrets.token_hex(32)) is None
