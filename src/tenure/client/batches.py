"""Cutting many encoded jobs into requests that the coordinator takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tenure.client.routes import MAX_BATCH, MAX_BATCH_BYTES
from tenure.client.submission import EncodedJob, JobSpec, encode_job
from tenure.domain.errors import InvalidInput


def encode_specs(jobs: Iterable[JobSpec]) -> list[EncodedJob]:
    """Every job encoded. Raises InvalidInput naming the place of one without type."""
    return [_encode(place, {**job}) for place, job in enumerate(jobs)]


def _encode(place: int, fields: Mapping[str, Any]) -> EncodedJob:
    rest = dict(fields)
    kind = rest.pop("type", None)
    if not isinstance(kind, str):
        raise InvalidInput.field(f"/{place}/type", "is required")
    return encode_job(kind, rest.pop("payload", None), rest)


def batches(
    jobs: Iterable[EncodedJob], max_jobs: int = MAX_BATCH, max_bytes: int = MAX_BATCH_BYTES
) -> Iterator[list[EncodedJob]]:
    """The jobs in order, in lists within both bounds; one job above `max_bytes` goes alone."""
    batch: list[EncodedJob] = []
    size = 0
    for job in jobs:
        if batch and (len(batch) == max_jobs or size + len(job.body) > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(job)
        size += len(job.body) + 1
    if batch:
        yield batch
