"""Answers to submits, known before their commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tenure.domain.errors import TenureError
from tenure.domain.job import NewJob, Unique, waiting_reason
from tenure.domain.lifecycle import Circumstances, ready
from tenure.domain.retry import RetryPolicy
from tenure.wire.base import maybe_time_out, time_out
from tenure.wire.jobs import Dependency, Job, RetryPolicyOut, UniqueOut
from tenure.wire.problem import FieldProblem

Conceal = Callable[[str, str], str]
"""A payload as people may see it, from its type and its JSON text."""


class _Identified(msgspec.Struct):
    id: str


def policy_out(policy: RetryPolicy) -> RetryPolicyOut:
    """A retry policy as the wire says it."""
    return RetryPolicyOut(
        strategy=policy.strategy.value,
        initial_delay_seconds=policy.initial_delay_seconds,
        multiplier=policy.multiplier,
        max_delay_seconds=policy.max_delay_seconds,
        jitter=policy.jitter,
    )


def unique_out(unique: Unique | None) -> UniqueOut | None:
    """A unique key as the wire says it."""
    if unique is None:
        return None
    return UniqueOut(
        key=unique.key,
        scope=unique.scope.value,
        window_seconds=unique.window_seconds,
        on_conflict=unique.on_conflict.value,
    )


def created(job: NewJob, at: int, conceal: Conceal) -> Job:
    """A job as it is at the moment of its creation `at` (microseconds), before anything is known
    of the jobs it depends on, and before it is admitted by its concurrency key."""
    spec, options = job.spec, job.spec.options
    later = options.run_at is not None and options.run_at > at
    key_full = options.concurrency_key is not None
    state = ready(Circumstances(edge_open=bool(job.edges), due_later=later, key_full=key_full))
    return Job(
        id=job.id,
        name=spec.name,
        type=spec.type,
        queue=spec.queue,
        status=state.value,
        reason=waiting_reason(state, bool(job.edges)),
        priority=spec.priority,
        payload=msgspec.Raw(conceal(spec.type, job.payload).encode()),
        attempt=0,
        max_attempts=options.max_attempts,
        tags=list(spec.tags),
        run_at=time_out(max(options.run_at or 0, at)),
        expires_at=maybe_time_out(options.expires_at),
        created_at=time_out(at),
        owner_id=job.owner_id,
        key=job.key,
        depends_on=[Dependency(job_id=edge.parent_id, on=edge.on.value) for edge in job.edges],
        join=job.join.value,
        on_lost=options.on_lost.value,
        timeout_seconds=options.timeout_seconds,
        retry_policy=policy_out(options.retry_policy),
        retry_until=maybe_time_out(options.retry_until),
        unique=unique_out(options.unique),
        concurrency_key=options.concurrency_key,
        traceparent=options.traceparent,
        version=1,
    )


def id_of(answer: bytes) -> str:
    """The job id inside a stored answer."""
    return msgspec.json.decode(answer, type=_Identified).id


def refusal(error: TenureError) -> dict[str, Any]:
    """Why one job of a batch was refused, in the words of a problem."""
    return {
        "code": error.code,
        "title": error.title,
        "detail": error.detail,
        "errors": [FieldProblem(pointer=e.pointer, detail=e.detail) for e in error.errors],
    }
