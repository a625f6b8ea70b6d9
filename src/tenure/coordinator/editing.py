"""From a checked edit to the changes the store makes."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import msgspec

from tenure.domain.clock import SECOND
from tenure.domain.errors import InvalidInput
from tenure.domain.job import DEFAULT_MAX_ATTEMPTS, DEFAULT_OPTIONS, DEFAULT_QUEUE, JobOptions
from tenure.store.edits import Edit
from tenure.wire.jobs import JobEdit

_PLAIN = ("name", "type", "queue", "priority", "tags")
_RULES = ("retry_until", "timeout_seconds", "on_lost", "expires_at", "concurrency_key")
_DEFAULTS: dict[str, Any] = {
    field.name: getattr(DEFAULT_OPTIONS, field.name) for field in fields(JobOptions)
} | {"name": None, "queue": DEFAULT_QUEUE}
_TAG = re.compile(r'\s*(?:"([0-9]{1,18})"|([0-9]{1,18})|(?:W/)?"[^"]*")\s*')


def to_edit(wanted: JobEdit, payload: msgspec.Raw | None, if_match: str | None, now: int) -> Edit:
    """Only the fields that were given change; null puts a field back to its default.

    `now` (microseconds) resolves `delay_seconds`; `if_match` is the header, a list of entity tags
    or `*`. Raises InvalidInput.
    """
    given = wanted.model_fields_set
    if "type" in given and wanted.type is None:
        raise InvalidInput.field("type", "a job has a type, it cannot be null")
    changes: dict[str, Any] = {
        name: getattr(wanted, name) for name in (*_PLAIN, *_RULES) if name in given
    }
    if not given.isdisjoint({"run_at", "delay_seconds"}):
        delay = wanted.delay_seconds
        changes["run_at"] = wanted.run_at if delay is None else now + int(delay * SECOND)
    if not given.isdisjoint({"max_attempts", "max_retries"}):
        changes["max_attempts"] = _attempts(wanted)
    if "retry_policy" in given:
        policy = wanted.retry_policy
        changes["retry_policy"] = None if policy is None else policy.to_domain()
    changes = {
        name: _DEFAULTS.get(name) if value is None else value for name, value in changes.items()
    }
    return Edit(
        changes,
        payload=None if payload is None else bytes(payload).decode(),
        version=wanted.version,
        if_match=None if if_match is None else versions(if_match),
    )


def _attempts(wanted: JobEdit) -> int:
    if wanted.max_attempts is not None:
        return wanted.max_attempts
    return DEFAULT_MAX_ATTEMPTS if wanted.max_retries is None else wanted.max_retries + 1


def versions(header: str) -> frozenset[int] | None:
    """The versions that `If-Match` names; tags that are not ours, and weak ones, match nothing.

    None for `*`, which any version matches. Raises InvalidInput.
    """
    if header.strip() == "*":
        return None
    found: set[int] = set()
    for part in header.split(","):
        match = _TAG.fullmatch(part)
        if match is None:
            raise InvalidInput.field("If-Match", 'must hold entity tags like "3", or *')
        number = match[1] or match[2]
        if number:
            found.add(int(number))
    return frozenset(found)
