"""From the bytes of a schedule to its rules and its template."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from pydantic.alias_generators import to_camel

from tenure.coordinator.editing import versions
from tenure.coordinator.intake import Intake, check_size, decode_one, decode_values
from tenure.domain.clock import SECOND
from tenure.domain.errors import InvalidInput
from tenure.domain.job import JobSpec
from tenure.domain.scheduling import ScheduleRules
from tenure.settings import Limits
from tenure.store.schedules import NewSchedule, ScheduleEdit
from tenure.wire import schedules as wire
from tenure.wire.base import Input, validate

Model = TypeVar("Model", bound=Input)

_SPANS = {
    "every_seconds": "every",
    "jitter_seconds": "jitter",
    "misfire_after_seconds": "misfire_after",
    "catchup_window_seconds": "catchup_window",
}
_SAME = ("cron", "timezone", "start_at", "end_at", "overlap", "misfire", "max_catchup")
_NOT_IN_A_TEMPLATE = {
    name: why
    for names, why in (
        (("run_at", "delay_seconds", "scheduled_at"), "the schedule says when its jobs run"),
        (("expires_at", "retry_until"), "is one instant, and a schedule has many jobs"),
        (("idempotency_key",), "would make every job the same one"),
        (("depends_on", "join", "parent", "key"), "a job of a schedule depends on no other"),
    )
    for name in names
}


def new_schedule(
    body: bytes, limits: Limits, schedule_id: str, owner_id: str | None
) -> NewSchedule:
    """A schedule to create. Raises InvalidInput, MalformedBody, TooLarge."""
    model, template = _split(wire.ScheduleIn, body, limits)
    if template is None:
        raise InvalidInput.field("job", "is required: what every fire submits")
    spec, payload = _job(template, limits)
    rules = ScheduleRules(**_rules(model, frozenset(type(model).model_fields)))
    return NewSchedule(schedule_id, rules, spec, payload, model.name, owner_id, model.paused)


def edited_schedule(body: bytes, limits: Limits, if_match: str | None) -> ScheduleEdit:
    """What an edit changes: the fields that are there. Raises as `new_schedule`."""
    model, template = _split(wire.ScheduleEdit, body, limits)
    given = model.model_fields_set - {"version"}
    if not given and template is None:
        raise InvalidInput.field("", "name at least one field to change")
    rules = _rules(model, given)
    for this, other in (("cron", "every"), ("every", "cron")):
        if rules.get(this) is not None:
            rules.setdefault(other, None)
    spec, payload = (None, None) if template is None else _job(template, limits)
    return ScheduleEdit(
        rules,
        job=spec,
        payload=payload,
        named="name" in given,
        name=model.name,
        version=model.version,
        if_match=None if if_match is None else versions(if_match),
    )


def _split(model: type[Model], body: bytes, limits: Limits) -> tuple[Model, msgspec.Raw | None]:
    """The checked fields, and the template, whose payload stays as it came."""
    check_size(body, limits)
    fields = decode_one(body)
    template = fields.pop("job", None)
    return validate(model, decode_values(fields)), template


def _job(template: msgspec.Raw, limits: Limits) -> tuple[JobSpec, str]:
    """The job of a template and its payload as it came."""
    try:
        fields = decode_one(bytes(template))
    except InvalidInput:
        raise InvalidInput.field("job", "must be an object") from None
    for name, why in _NOT_IN_A_TEMPLATE.items():
        for given in (name, to_camel(name)):
            if given in fields:
                raise InvalidInput.field(f"job/{given}", why)
    job = Intake(limits, 0, None).take(fields, "/job")
    return job.spec, job.payload


def _rules(model: Any, given: frozenset[str] | set[str]) -> dict[str, Any]:
    """The given fields under the names of ScheduleRules, spans in microseconds."""
    rules = {name: getattr(model, name) for name in _SAME if name in given}
    for field, name in _SPANS.items():
        if field in given:
            seconds = getattr(model, field)
            rules[name] = None if seconds is None else round(seconds * SECOND)
    return rules
