"""From the bytes of a submit to checked jobs.

Payload bytes stay as they came. The other fields go through the public model; neighbours in a batch
that differ only in payload and key are checked once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from tenure.domain.access import SCRIPT_TYPES, no_scripts
from tenure.domain.clock import SECOND
from tenure.domain.edges import Edge
from tenure.domain.errors import FieldError, InvalidInput, MalformedBody, TooLarge
from tenure.domain.job import DEFAULT_MAX_ATTEMPTS, DEFAULT_OPTIONS, JobOptions, JobSpec, NewJob
from tenure.domain.retry import DEFAULT_RETRY_POLICY
from tenure.domain.run import LeaseRef
from tenure.settings import Limits
from tenure.wire.aliases import translate
from tenure.wire.base import decode_as, validate
from tenure.wire.jobs import JobIn
from tenure.wire.text import check_body, escape

Fields = dict[str, msgspec.Raw]
CheckMasks = Callable[[str, str, str], None]
"""Takes the type, the JSON text and the pointer of a payload. Raises InvalidInput."""
CHUNK = 50
"""Jobs between two looks at the time."""
_BESIDE_PAYLOAD = 256 * 1024
"""Bytes that the other fields of a job may take; they never need a tenth of it."""

_KEYS = ("idempotency_key", "idempotencyKey")
_LINKS = frozenset({"depends_on", "dependsOn", "join", "parent", "key"})
_one: msgspec.json.Decoder[Fields] = msgspec.json.Decoder(Fields)
_many: msgspec.json.Decoder[list[Fields]] = msgspec.json.Decoder(list[Fields])
_text: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def decode_one(body: bytes) -> Fields:
    """The fields of one job, values untouched. Raises MalformedBody, TooDeep, InvalidInput."""
    return decode_as(_one, body)


def check_size(body: bytes, limits: Limits) -> None:
    """Refuse the body of one job before anything decodes it. Raises TooLarge."""
    if len(body) > limits.payload + _BESIDE_PAYLOAD:
        raise _payload_too_large(limits.payload, len(body), "")


def _payload_too_large(limit: int, size: int, pointer: str) -> TooLarge:
    detail = f"at most {limit} bytes, this one has {size}"
    return TooLarge(f"payload: {detail}", errors=(FieldError(f"{pointer}/payload", detail),))


def decode_many(body: bytes, *, lines: bool, limits: Limits) -> list[Fields]:
    """The fields of a batch: a JSON array, or NDJSON with `lines`. Raises also TooLarge."""
    items = _decode_lines(body) if lines else decode_as(_many, body)
    if len(items) > limits.batch_jobs:
        raise TooLarge(f"a batch takes at most {limits.batch_jobs} jobs, this one has {len(items)}")
    return items


def _decode_lines(body: bytes) -> list[Fields]:
    check_body(body)
    items: list[Fields] = []
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            items.append(decode_as(_one, line))
        except MalformedBody as error:
            raise type(error)(f"line {number}: {error.detail}") from None
        except InvalidInput as error:
            raise InvalidInput(f"line {number}: {error.detail}", errors=error.errors) from None
    return items


class Intake:
    """Turns fields into jobs; remembers the last ones so that a batch of like jobs is cheap.

    `now` (microseconds) resolves `delay_seconds`. One instance serves one request. `caller` is the
    running job that the last job named as its `parent`. `check_masks`, where types have secrets,
    refuses payloads that hold the mask of one. `trace` is the traceparent of jobs that bring none.
    Without `scripts` a job that carries its
    own code raises Forbidden.
    """

    def __init__(
        self, limits: Limits, now: int, owner_id: str | None, *, scripts: bool = True
    ) -> None:
        self.caller: LeaseRef | None = None
        self.check_masks: CheckMasks | None = None
        self.trace: str | None = None
        self._owner_id = owner_id
        self._max_payload = limits.payload
        self._now = now
        self._scripts = scripts
        self._fields: Fields | None = None
        self._spec: JobSpec | None = None

    def take(self, fields: Fields, pointer: str = "") -> NewJob:
        """One job, its id still empty. Consumes `fields`. Raises InvalidInput and TooLarge, naming
        fields below `pointer`."""
        translate(fields, pointer)
        payload = fields.pop("payload", None)
        text = "null" if payload is None else bytes(payload).decode()
        if len(text) * 4 > self._max_payload:  # a character has at most four bytes
            self._check_size(text, pointer)
        key = digest = None
        if "idempotency_key" in fields or "idempotencyKey" in fields:
            digest = _digest(fields, text)
            key = self._key(fields, pointer)
        links = None if _LINKS.isdisjoint(fields) else self._links(fields, pointer)
        if fields != self._fields or self._spec is None:
            self._spec = self._check(fields, pointer)
            self._fields = fields
        if self.check_masks is not None:
            self.check_masks(self._spec.type, text, f"{pointer}/payload")
        job = NewJob("", self._spec, text, self._owner_id, key, digest)
        if links is not None:
            job.edges = tuple(Edge(item.job_id, item.on) for item in links.depends_on)
            job.join, job.key = links.join, links.key
        return job

    def _links(self, fields: Fields, pointer: str) -> JobIn:
        given = {name: fields.pop(name) for name in _LINKS if name in fields}
        checked = validate(JobIn, {"type": "links", **decode_values(given, pointer)}, pointer)
        parent = checked.parent
        self.caller = None if parent is None else LeaseRef(parent.job_id, parent.fence)
        return checked

    def _check_size(self, text: str, pointer: str) -> None:
        size = len(text.encode())
        if size > self._max_payload:
            raise _payload_too_large(self._max_payload, size, pointer)

    def _key(self, fields: Fields, pointer: str) -> str | None:
        given = {name: fields.pop(name) for name in _KEYS if name in fields}
        checked = validate(JobIn, {"type": "key", **decode_values(given, pointer)}, pointer)
        return checked.idempotency_key

    def _check(self, fields: Fields, pointer: str) -> JobSpec:
        asked = validate(JobIn, decode_values(fields, pointer), pointer)
        if asked.type in SCRIPT_TYPES and not self._scripts:
            raise no_scripts(asked.type, pointer)
        return to_spec(asked, self._now, self.trace)


def decode_values(fields: Fields, pointer: str = "") -> dict[str, Any]:
    """The values of checked JSON. Raises InvalidInput for a number that Python cannot hold."""
    values: dict[str, Any] = {}
    for name, raw in fields.items():
        try:
            values[name] = _text.decode(raw)
        except (ValueError, RecursionError):
            detail = "holds a number out of range"
            raise InvalidInput.field(f"{pointer}/{escape(name)}", detail) from None
    return values


def _digest(fields: Fields, payload: str) -> str:
    parts = b"\x00".join(
        name.encode() + b"\x00" + bytes(raw)
        for name, raw in sorted(fields.items(), key=lambda item: item[0])
        if name != "traceparent"  # the same job again may come in another trace
    )
    return hashlib.sha256(parts + b"\x00" + payload.encode()).hexdigest()


def to_spec(asked: JobIn, now: int, trace: str | None = None) -> JobSpec:
    """The domain's form of a checked model; `delay_seconds` counts from `now`. `trace` is the
    traceparent of a job that brings none."""
    return JobSpec(
        type=asked.type,
        queue=asked.queue,
        name=asked.name,
        priority=asked.priority,
        tags=asked.tags,
        options=to_options(asked, now, trace),
    )


def to_options(asked: JobIn, now: int, trace: str | None = None) -> JobOptions:
    """The rules of a checked model."""
    attempts = asked.max_attempts
    if attempts is None:
        attempts = DEFAULT_MAX_ATTEMPTS if asked.max_retries is None else asked.max_retries + 1
    run_at = asked.run_at
    if asked.delay_seconds is not None:
        run_at = now + int(asked.delay_seconds * SECOND)
    policy = asked.retry_policy
    options = JobOptions(
        traceparent=asked.traceparent or trace,
        max_attempts=attempts,
        retry_policy=DEFAULT_RETRY_POLICY if policy is None else policy.to_domain(),
        retry_until=asked.retry_until,
        timeout_seconds=asked.timeout_seconds,
        on_lost=asked.on_lost,
        run_at=run_at,
        expires_at=asked.expires_at,
        unique=None if asked.unique is None else asked.unique.to_domain(),
        concurrency_key=asked.concurrency_key,
    )
    return DEFAULT_OPTIONS if options == DEFAULT_OPTIONS else options
