"""What a caller says about a job, and its form on the wire."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime, timedelta
from typing import Any, Required, TypedDict

import msgspec

from tenure.domain.errors import InvalidInput
from tenure.domain.retry import RetryPolicy
from tenure.telemetry import scope


class JobFields(TypedDict, total=False):
    """The optional fields of a job. Numbers for times are seconds; datetimes need a time zone.

    `priority`: -100 to 100, higher first, or "High" and "Regular". `max_retries` = `max_attempts`
    - 1, give one of them. `run_at` or `delay`, not both. In an edit None sets a field back.
    """

    name: str | None
    queue: str | None
    priority: int | str | None
    tags: Sequence[str] | None
    max_retries: int | None
    max_attempts: int | None
    retry_policy: RetryPolicy | Mapping[str, Any] | str | None
    retry_until: datetime | None
    timeout: timedelta | float | None
    expires_at: datetime | None
    on_lost: str | None
    run_at: datetime | None
    delay: timedelta | float | None
    concurrency_key: str | None


class EditFields(JobFields, total=False):
    type: str
    payload: Any


class SubmitFields(JobFields, total=False):
    """`idempotency_key`: the same key and the same job is one job, for 24 hours. Without it each
    request gets one of its own, so that sending again after a lost answer is safe. `depends_on`:
    ids of jobs to wait for, or `{"job_id": ..., "on": "success" | "failure" | "done"}`; `join`:
    "all" (default) or "any". `unique`: a key, or `key`, `scope`, `window_seconds` and
    `on_conflict`. `traceparent`: of the trace the job is part of (W3C); by default the one that
    OpenTelemetry has open here, that of the job that is running, or TRACEPARENT of the
    environment."""

    idempotency_key: str | None
    depends_on: Sequence[str | Mapping[str, str]] | None
    join: str | None
    unique: Mapping[str, Any] | str | None
    traceparent: str | None


class JobSpec(SubmitFields, total=False):
    """A job of `submit_many`. `payload`: any JSON value, None by default."""

    type: Required[str]
    payload: Any


@dataclass(frozen=True, slots=True)
class Submitted:
    """A committed job. `existing`: its idempotency key had been used, or its unique key belongs to
    another job; this is that job."""

    id: str
    existing: bool = False


@dataclass(frozen=True, slots=True)
class EncodedJob:
    """A job as the JSON object of `POST /api/jobs`. `keyed`: it brings its idempotency key;
    `unique`: another job may answer for it."""

    body: bytes
    keyed: bool
    unique: bool = False

    def with_key(self) -> bytes:
        """The object with a key: its own, or a new one."""
        if self.keyed:
            return self.body
        return self.body[:-1] + b',"idempotency_key":"' + new_key().encode() + b'"}'


def new_key() -> str:
    """An idempotency key that nobody else has."""
    return secrets.token_hex(16)


_RENAMED = {"timeout": "timeout_seconds", "delay": "delay_seconds"}


def encode_job(kind: str, payload: Any, fields: Mapping[str, Any]) -> EncodedJob:
    """A job for the wire. Fields that are None are left out. Raises InvalidInput for no JSON."""
    given = {name: value for name, value in fields.items() if value is not None}
    if "traceparent" not in given and (trace := scope.traceparent()) is not None:
        given["traceparent"] = trace
    body = _object({"type": kind, **given}, msgspec.Raw(encode_value(payload, "payload")))
    return EncodedJob(body, "idempotency_key" in given, "unique" in given)


def encode_edit(fields: Mapping[str, Any]) -> bytes:
    """An edit: exactly the fields given, None as null. Raises InvalidInput for what is no JSON."""
    fields = dict(fields)
    if "payload" in fields:
        return _object(fields, msgspec.Raw(encode_value(fields.pop("payload"), "payload")))
    return _object(fields, None)


def encode_fields(fields: Mapping[str, Any]) -> bytes:
    """An object of exactly these fields, None as null. Raises InvalidInput for what is no JSON."""
    return _object(fields, None)


def encode_value(value: Any, field: str) -> bytes:
    """Any JSON value: also of dataclasses, msgspec Structs and pydantic models; datetimes as
    RFC 3339. A msgspec.Raw goes out byte for byte. NaN, infinities and lone surrogates have no
    JSON and raise InvalidInput."""
    if isinstance(value, msgspec.Raw):
        return bytes(value)
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
        ).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput.field(field, f"is not JSON: {error}") from None


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return msgspec.to_builtins(value)


def _object(fields: Mapping[str, Any], payload: msgspec.Raw | None) -> bytes:
    told = {_RENAMED.get(name, name): _wire(name, value) for name, value in fields.items()}
    if payload is not None:
        told["payload"] = payload
    try:
        return msgspec.json.encode(told)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a field is not JSON: {error}") from None


def _wire(name: str, value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime) and value.tzinfo is None:
        raise InvalidInput.field(name, "needs a time zone, like datetime.now(UTC)")
    if isinstance(value, str):
        return value
    if name in ("tags", "depends_on") and value is not None:
        return list(value)
    return value
