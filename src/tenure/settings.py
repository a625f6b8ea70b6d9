"""Settings: flags > TENURE_* > .env (only with --env-file) > tenure.toml > defaults.

One frozen model for every command. Spans and sizes carry their unit in the value (`30s`, `64MiB`).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SPAN_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KiB|MB|MiB|GB|GiB)?")
_SIZE_BYTES = {
    "B": 1, "kB": 1000, "KiB": 1024, "MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30,
}  # fmt: skip


def _span(value: Any) -> Any:
    if isinstance(value, str) and (match := _SPAN.fullmatch(value.strip())):
        return timedelta(seconds=float(match[1]) * _SPAN_SECONDS[match[2]])
    if isinstance(value, timedelta):
        return value
    raise ValueError("must be a number with a unit: ms, s, m, h or d, like 30s")


def _size(value: Any) -> Any:
    if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        return int(float(match[1]) * _SIZE_BYTES[match[2] or "B"])
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("must be a number with a unit: B, KiB, MiB or GiB, like 64MiB")


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


Span = Annotated[timedelta, BeforeValidator(_span)]
Size = Annotated[int, BeforeValidator(_size), Field(ge=1)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Retention(_Group):
    """How long finished jobs and other history are kept."""

    failed: Span = timedelta(days=30)
    completed: Span = timedelta(days=7)
    cancelled: Span = timedelta(days=7)
    skipped: Span = timedelta(days=7)
    expired: Span = timedelta(days=7)
    events: Span = timedelta(days=90)
    stats: Span = timedelta(days=90)
    idempotency_keys: Span = timedelta(hours=24)


class Limits(_Group):
    """Bounds of everything that comes in."""

    payload: Size = 256 * 1024
    result: Size = 1024 * 1024
    error: Size = 64 * 1024
    checkpoint: Size = 64 * 1024
    log_bytes: Size = 1024 * 1024
    log_lines: Annotated[int, Field(ge=1)] = 10_000
    batch_jobs: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    body: Size = 8 * 1024 * 1024
    queued_writes: Annotated[int, Field(ge=1)] = 10_000


class Settings(_Group):
    """All settings. Names on the command line and in the environment are the fields' names."""

    database_url: str = "sqlite:///tenure.db"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 5000
    auth: Literal["none", "required"] = "none"
    secret_key: str | None = None
    insecure_bind: bool = False
    allowed_hosts: Words = ()
    lease: Span = timedelta(seconds=30)
    sweep_every: Span = timedelta(seconds=1)
    max_lost: Annotated[int, Field(ge=1)] = 3
    retention: Retention = Retention()
    limits: Limits = Limits()
    log_level: Literal["trace", "debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"

    coordinator_url: str = "http://127.0.0.1:5000"
    token: str | None = None
    slots: Annotated[int, Field(ge=1, le=10_000)] = 10
    queues: Words = ("default",)
    allow_scripts: bool = False
    script_python: str | None = None
    http_allow: Words = ()
    drain_grace: Span = timedelta(seconds=30)
    env: str | None = None
    trace_url: str | None = None
