"""The documents a schedule's row holds: its rules and its template."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from tenure.domain.job import JobSpec
from tenure.domain.scheduling import ScheduleRules
from tenure.domain.template import JobTemplate, Template, WorkflowTemplate

_rules = msgspec.json.Decoder(ScheduleRules)
_job = msgspec.json.Decoder(JobSpec)
_workflow = msgspec.json.Decoder(WorkflowTemplate)


def encode_rules(rules: ScheduleRules) -> str:
    """The stored text."""
    return msgspec.json.encode(rules).decode()


@lru_cache(maxsize=16_384)
def decode_rules(text: str) -> ScheduleRules:
    """The rules behind a stored text."""
    return _rules.decode(text)


def encode_template(template: Template) -> dict[str, str | None]:
    """The columns `job`, `payload` and `workflow`."""
    if isinstance(template, JobTemplate):
        job = msgspec.json.encode(template.spec).decode()
        return {"job": job, "payload": template.payload, "workflow": None}
    text = msgspec.json.encode(template).decode()
    return {"job": None, "payload": None, "workflow": text}


def decode_template(job: str | None, payload: str | None, workflow: str | None) -> Template:
    """The template behind the three columns."""
    if workflow is not None:
        return _workflow.decode(workflow)
    return JobTemplate(_decode_job(job or ""), payload or "null")


@lru_cache(maxsize=4096)
def _decode_job(text: str) -> JobSpec:
    return _job.decode(text)
