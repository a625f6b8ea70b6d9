"""What a person types, turned into values."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from tenure.domain.errors import InvalidInput

MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
"""More is refused before it is sent; the coordinator's own bound is lower."""
_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_.\-]*)=(.*)", re.S)


def payload(words: list[str]) -> Any:
    """The payload of `tenure submit TYPE ...`.

    Nothing: null. One word: JSON, `@file` or `-` for stdin, sent byte for byte. `key=value` words:
    an object; a value that is JSON counts as such (`n=3`), else as text. Raises InvalidInput.
    """
    if not words:
        return None
    if len(words) == 1 and not _PAIR.fullmatch(words[0]):
        return _raw(_source(words[0]))
    told: dict[str, Any] = {}
    for word in words:
        pair = _PAIR.fullmatch(word)
        if pair is None:
            raise InvalidInput.field("payload", f"{word!r} is not key=value")
        if pair[1] in told:
            raise InvalidInput.field("payload", f"{pair[1]} is given twice")
        told[pair[1]] = _value(pair[2])
    return told


def _source(word: str) -> bytes:
    if word == "-":
        return sys.stdin.buffer.read(MAX_PAYLOAD_BYTES + 1)
    if not word.startswith("@"):
        return word.encode("utf-8", "surrogateescape")
    try:
        with Path(word[1:]).open("rb") as file:
            return file.read(MAX_PAYLOAD_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInput.field("payload", f"{word[1:]} cannot be read: {reason}") from None


def _raw(text: bytes) -> msgspec.Raw:
    if len(text) > MAX_PAYLOAD_BYTES:
        raise InvalidInput.field("payload", "is too large")
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput.field(
            "payload", f"is not JSON ({error}); give JSON, @file, - or key=value"
        ) from None
    return msgspec.Raw(text.strip())


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def instant(text: str) -> datetime:
    """An ISO 8601 time; without a zone it is this machine's. Raises InvalidInput."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is not a time like 2026-01-31T08:30:00Z") from None


def span(text: str) -> timedelta:
    """A span with its unit, like 90s, 5m or 2h; a bare number is seconds. Raises InvalidInput."""
    from tenure.values import parse_span

    try:
        return parse_span(f"{text}s" if re.fullmatch(r"\d+(\.\d+)?", text) else text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} {error}") from None
