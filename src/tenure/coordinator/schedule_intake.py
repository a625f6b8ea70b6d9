"""From the bytes of a schedule to its rules and its template."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from pydantic.alias_generators import to_camel

from tenure.coordinator import graphs
from tenure.coordinator.editing import versions
from tenure.coordinator.intake import (
    CheckMasks,
    Fields,
    Intake,
    check_size,
    decode_one,
    decode_values,
)
from tenure.domain.clock import SECOND
from tenure.domain.errors import FieldError, InvalidInput
from tenure.domain.scheduling import ScheduleRules
from tenure.domain.template import JobTemplate, Node, Template, WorkflowTemplate
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
        (("unique",), "a schedule has a rule of its own for that, overlap"),
    )
    for name in names
}
_NOT_OF_A_JOB = dict.fromkeys(
    ("depends_on", "join", "parent", "key"), "a job of a schedule depends on no other"
)
_list: msgspec.json.Decoder[list[Fields]] = msgspec.json.Decoder(list[Fields])


async def new_schedule(
    body: bytes,
    limits: Limits,
    schedule_id: str,
    owner_id: str | None,
    check_masks: CheckMasks | None = None,
) -> NewSchedule:
    """A schedule to create. `check_masks`: see `Intake`. Raises InvalidInput, MalformedBody,
    TooLarge."""
    model, given = _split(wire.ScheduleIn, body, limits)
    template = await _template(given, limits, check_masks)
    if template is None:
        raise InvalidInput.field("job", "give job or workflow: what every fire submits")
    rules = ScheduleRules(**_rules(model, frozenset(type(model).model_fields)))
    return NewSchedule(schedule_id, rules, template, model.name, owner_id, model.paused)


async def edited_schedule(body: bytes, limits: Limits, if_match: str | None) -> ScheduleEdit:
    """What an edit changes: the fields that are there. Raises as `new_schedule`."""
    model, travelling = _split(wire.ScheduleEdit, body, limits)
    given = model.model_fields_set - {"version"}
    if not given and not travelling:
        raise InvalidInput.field("", "name at least one field to change")
    rules = _rules(model, given)
    for this, other in (("cron", "every"), ("every", "cron")):
        if rules.get(this) is not None:
            rules.setdefault(other, None)
    return ScheduleEdit(
        rules,
        template=await _template(travelling, limits),
        named="name" in given,
        name=model.name,
        version=model.version,
        if_match=None if if_match is None else versions(if_match),
    )


def _split(model: type[Model], body: bytes, limits: Limits) -> tuple[Model, dict[str, msgspec.Raw]]:
    """The checked fields, and the templates, whose payloads stay as they came."""
    check_size(body, limits)
    fields = decode_one(body)
    templates: dict[str, msgspec.Raw] = {
        str(name): fields.pop(name) for name in ("job", "workflow") if name in fields
    }
    return validate(model, decode_values(fields)), templates


async def _template(
    given: dict[str, msgspec.Raw], limits: Limits, check_masks: CheckMasks | None = None
) -> Template | None:
    if len(given) > 1:
        raise InvalidInput.field("workflow", "give job or workflow, not both")
    for name, raw in given.items():
        if name == "job":
            return _job(raw, limits, check_masks)
        return await _workflow(raw, limits, check_masks)
    return None


def _job(raw: msgspec.Raw, limits: Limits, check_masks: CheckMasks | None) -> JobTemplate:
    fields = _object(raw, "job")
    _refuse(fields, _NOT_IN_A_TEMPLATE | _NOT_OF_A_JOB, "job")
    intake = Intake(limits, 0, None)
    intake.check_masks = check_masks
    job = intake.take(fields, "/job")
    return JobTemplate(job.spec, job.payload)


async def _workflow(
    raw: msgspec.Raw, limits: Limits, check_masks: CheckMasks | None
) -> WorkflowTemplate:
    fields = _object(raw, "workflow")
    _refuse(fields, _NOT_IN_A_TEMPLATE, "workflow")
    for place, item in enumerate(_nodes(fields)):
        _refuse(item, _NOT_IN_A_TEMPLATE, f"workflow/jobs/{place}")
    try:
        graph = await graphs.check(bytes(raw), limits, 0, None, check_masks=check_masks)
    except InvalidInput as error:
        errors = tuple(FieldError(f"/workflow{e.pointer}", e.detail) for e in error.errors)
        raise type(error)(f"workflow/{error.detail}", errors=errors) from None
    nodes = []
    for place, (job, tie) in enumerate(zip(graph.jobs, graph.ties, strict=True)):
        if any(item.key is None for item in tie.depends_on):
            pointer = f"workflow/jobs/{place}/depends_on"
            raise InvalidInput.field(pointer, "must name jobs of the workflow by key")
        above = tuple((str(item.key), item.on) for item in tie.depends_on)
        nodes.append(Node(tie.key, job.spec, job.payload, tie.join, above))
    return WorkflowTemplate(graph.asked.name, tuple(nodes))


def _nodes(fields: Fields) -> list[Fields]:
    """The jobs of a workflow as far as they are objects; what is wrong is said by its check."""
    try:
        return _list.decode(fields.get("jobs", msgspec.Raw(b"[]")))
    except msgspec.ValidationError:
        return []


def _object(raw: msgspec.Raw, name: str) -> Fields:
    try:
        return decode_one(bytes(raw))
    except InvalidInput:
        raise InvalidInput.field(name, "must be an object") from None


def _refuse(fields: Fields, unwanted: dict[str, str], pointer: str) -> None:
    for name, why in unwanted.items():
        for given in (name, to_camel(name)):
            if given in fields:
                raise InvalidInput.field(f"{pointer}/{given}", why)


def _rules(model: Any, given: frozenset[str] | set[str]) -> dict[str, Any]:
    """The given fields under the names of ScheduleRules, spans in microseconds."""
    rules = {name: getattr(model, name) for name in _SAME if name in given}
    for field, name in _SPANS.items():
        if field in given:
            seconds = getattr(model, field)
            rules[name] = None if seconds is None else round(seconds * SECOND)
    return rules
