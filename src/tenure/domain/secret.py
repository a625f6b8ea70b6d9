"""Which secrets are too weak to sign anything with."""

from __future__ import annotations

MIN_BYTES = 32
_MIN_DIFFERENT = 8

_KNOWN = (
    "changeme", "changethis", "replaceme", "replacethis", "pleasechange", "yoursecret",
    "your256bit", "yoursupersecret", "supersecret", "verysecret", "topsecret", "mysecret",
    "jwtsecret", "secretkey", "signingkey", "somesecret", "notsecret", "insecure", "default",
    "password", "passphrase", "devpass", "devsecret", "devkey", "devonly", "fordevelopment",
    "localdev", "inproduction", "example", "sample", "tenure", "scheduler", "0123456789",
    "1234567890", "abcdefghij", "qwertyuiop", "lorumipsum", "loremipsum", "deadbeef",
)  # fmt: skip
"""What is found in secrets that people copied from a README, a tutorial or an example."""


def weakness(secret: str) -> str | None:
    """Why a secret must not be used, None when nothing is known against it."""
    if len(secret.encode("utf-8", "surrogatepass")) < MIN_BYTES:
        return f"must have at least {MIN_BYTES} bytes; `openssl rand -hex 32` makes one"
    if len(set(secret)) < _MIN_DIFFERENT:
        return "repeats a few characters; `openssl rand -hex 32` makes a good one"
    bare = "".join(letter for letter in secret.lower() if letter.isalnum())
    if any(known in bare for known in _KNOWN):
        return "looks like one from an example, others know it; `openssl rand -hex 32` makes one"
    return None
