"""The documents a schedule's row holds: its rules and its template."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from tenure.domain.job import JobSpec
from tenure.domain.scheduling import ScheduleRules

_rules = msgspec.json.Decoder(ScheduleRules)
_job = msgspec.json.Decoder(JobSpec)


def encode_rules(rules: ScheduleRules) -> str:
    """The stored text."""
    return msgspec.json.encode(rules).decode()


@lru_cache(maxsize=16_384)
def decode_rules(text: str) -> ScheduleRules:
    """The rules behind a stored text."""
    return _rules.decode(text)


def encode_job(spec: JobSpec) -> str:
    """The stored text."""
    return msgspec.json.encode(spec).decode()


@lru_cache(maxsize=4096)
def decode_job(text: str) -> JobSpec:
    """The template behind a stored text."""
    return _job.decode(text)
