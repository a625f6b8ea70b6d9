"""Values as settings write them: spans and sizes with a unit, words with commas."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, Field

from tenure.domain.secret import weakness

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SPAN_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KiB|MB|MiB|GB|GiB)?")
_SIZE_BYTES = {
    "B": 1,
    "kB": 1000,
    "KiB": 1024,
    "MB": 10**6,
    "MiB": 2**20,
    "GB": 10**9,
    "GiB": 2**30,
}


def parse_span(text: str) -> timedelta:
    """`250ms`, `30s`, `5m`, `2h` or `1d`. Raises ValueError for anything else."""
    return cast(timedelta, _span(text))


def _span(value: Any) -> Any:
    if isinstance(value, str) and (match := _SPAN.fullmatch(value.strip())):
        try:
            return timedelta(seconds=float(match[1]) * _SPAN_SECONDS[match[2]])
        except OverflowError:
            raise ValueError("is too long a time") from None
    if isinstance(value, timedelta):
        return value
    raise ValueError("must be a number with a unit: ms, s, m, h or d, like 30s")


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be more than 0")
    return value


def _size(value: Any) -> Any:
    if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        return int(float(match[1]) * _SIZE_BYTES[match[2] or "B"])
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("must be a number with a unit: B, KiB, MiB or GiB, like 64MiB")


def _secret(value: str) -> str:
    if (weak := weakness(value)) is not None:
        raise ValueError(weak)
    return value


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ip_network(value)
        except ValueError:
            raise ValueError(f"{value!r} must be an address or a network like 10.0.0.0/8") from None
    return values


Span = Annotated[timedelta, BeforeValidator(_span)]
PositiveSpan = Annotated[Span, AfterValidator(_positive)]
Size = Annotated[int, BeforeValidator(_size), Field(ge=1)]
Secret = Annotated[str, AfterValidator(_secret)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Networks = Annotated[Words, AfterValidator(_networks)]
