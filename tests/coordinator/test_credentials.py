"""How tokens look."""

from __future__ import annotations

import hashlib

import pytest

from tenure.coordinator import credentials


@pytest.mark.parametrize("prefix", [credentials.API_TOKEN, credentials.WORKER_TOKEN])
def test_a_token_has_256_random_bits(prefix: str) -> None:
    made = {credentials.new_token(prefix) for _ in range(100)}
    assert len(made) == 100
    for token in made:
        assert token.startswith(prefix)
        assert len(token) == len(prefix) + 43
        assert credentials.is_token(token)


@pytest.mark.parametrize("text", ["", "tnr_", "tnr_" + "a" * 42, "tnr_" + "a" * 44, "x" * 47])
def test_anything_else_is_none(text: str) -> None:
    assert not credentials.is_token(text)


def test_the_digest_is_sha256() -> None:
    assert credentials.digest("tnr_ü") == hashlib.sha256("tnr_ü".encode()).hexdigest()
