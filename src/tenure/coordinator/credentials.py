"""What callers are known by: how tokens look, and what is kept of them."""

from __future__ import annotations

import hashlib
import secrets

API_TOKEN = "tnr_"  # noqa: S105 - a prefix, no secret
WORKER_TOKEN = "tnw_"  # noqa: S105
REFRESH_TOKEN = "tnf_"  # noqa: S105
_SECRET_BYTES = 32
_SECRET_CHARACTERS = 43


def new_token(prefix: str) -> str:
    """A prefix and 256 random bits."""
    return prefix + secrets.token_urlsafe(_SECRET_BYTES)


def digest(token: str) -> str:
    """What is kept of a token: its SHA-256 in hex. Enough, as nobody can guess 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(text: str) -> bool:
    """Whether it looks like an API token or a worker token."""
    prefixed = text.startswith((API_TOKEN, WORKER_TOKEN))
    return prefixed and len(text) == len(API_TOKEN) + _SECRET_CHARACTERS
