"""Builders: a valid value with what the test cares about changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tenure.domain import clock
from tenure.domain.ids import IdSource
from tenure.domain.job import DEFAULT_OPTIONS, JobOptions, JobSpec, NewJob
from tenure.domain.retry import DEFAULT_RETRY_POLICY, RetryPolicy
from tenure.domain.run import Outcome, Report
from tenure.domain.scheduling import Overlap, ScheduleRules
from tenure.domain.template import JobTemplate
from tenure.store.schedules import NewSchedule

NOW = clock.from_datetime(datetime(2026, 11, 21, 12, tzinfo=UTC))
"""The instant at which tests with a clock of their own begin."""

WORKER = "0193474a-0000-7000-8000-000000000001"
OTHER_WORKER = "0193474a-0000-7000-8000-000000000002"

_OPTIONS = frozenset(JobOptions.__dataclass_fields__)
_SPEC = frozenset(JobSpec.__dataclass_fields__)
_RULES = frozenset(ScheduleRules.__dataclass_fields__)


def retry_policy(**changes: Any) -> RetryPolicy:
    """The default policy without jitter, so that delays are exact."""
    return replace(DEFAULT_RETRY_POLICY, **({"jitter": 0.0} | changes))


def job_options(**changes: Any) -> JobOptions:
    """The default options, without jitter."""
    return replace(DEFAULT_OPTIONS, **({"retry_policy": retry_policy()} | changes))


def job_spec(type_: str = "echo", **changes: Any) -> JobSpec:
    """What is asked of a job. Names of `JobOptions` go into its options."""
    options = {name: value for name, value in changes.items() if name in _OPTIONS}
    rest = {name: value for name, value in changes.items() if name not in _OPTIONS}
    return JobSpec(type=type_, **({"options": job_options(**options)} | rest))


def new_job(type_: str = "echo", payload: str = "{}", **changes: Any) -> NewJob:
    """A job to submit. Names of `JobSpec` and `JobOptions` go there, the others into `NewJob`.

    Its id is new and holds the millisecond of `NOW`, unless `id` is given.
    """
    asked = {name: value for name, value in changes.items() if name in _SPEC | _OPTIONS}
    rest = {name: value for name, value in changes.items() if name not in _SPEC | _OPTIONS}
    values: dict[str, Any] = {"id": IdSource().one(NOW), "spec": job_spec(type_, **asked)} | rest
    return NewJob(payload=payload, **values)


def new_jobs(count: int, type_: str = "echo", **changes: Any) -> list[NewJob]:
    """`count` jobs with growing ids, whose payloads are their numbers from 0."""
    ids = IdSource().make(NOW, count)
    return [new_job(type_, str(n), id=id_, **changes) for n, id_ in enumerate(ids)]


def report(job_id: str, fence: int = 1, **changes: Any) -> Report:
    """A completed attempt of `WORKER`."""
    values = {"worker_id": WORKER, "outcome": Outcome.COMPLETED, "result": "null"} | changes
    return Report(job_id=job_id, fence=fence, **values)


def new_schedule(**changes: Any) -> NewSchedule:
    """A schedule of `echo` every minute that may overlap. Names of `ScheduleRules` go there."""
    rules = {name: value for name, value in changes.items() if name in _RULES}
    rest = {name: value for name, value in changes.items() if name not in _RULES}
    asked = {"overlap": Overlap.ALLOW} | rules
    if "every" not in asked:
        asked.setdefault("cron", "* * * * *")
    template = JobTemplate(rest.pop("job", job_spec()), rest.pop("payload", "{}"))
    values: dict[str, Any] = {"id": IdSource().one(NOW), "template": template} | rest
    return NewSchedule(rules=ScheduleRules(**asked), **values)
