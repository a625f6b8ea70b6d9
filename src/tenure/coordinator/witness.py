"""Which acts of people leave a line in the audit, and what it says.

Always: administration, and what destroys something. Otherwise only what somebody does to things of
others; the rest stands in the history of the job. Payloads never go into the audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tenure.domain.access import Principal
from tenure.store.audit import Entry, audit
from tenure.store.reads import JobRow
from tenure.store.schedule_reads import ScheduleRow
from tenure.store.unit import Unit

_EDITED = ("name", "type", "queue", "priority", "run_at")
_options: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def of_others(principal: Principal, owner_id: str | None) -> bool:
    """Whether something belongs to somebody else, or to nobody while the caller is somebody."""
    return owner_id != principal.owner_id


def administered(
    unit: Unit,
    action: str,
    principal: Principal,
    target_id: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """One line about an act of administration; `action` is `KIND.VERB`, of a thing of that kind."""
    kind = action.partition(".")[0]
    audit(unit, [Entry(action, principal, kind, target_id, reason, before, after)])


def job_act(
    unit: Unit,
    event: str,
    principal: Principal,
    reason: str | None,
    before: JobRow,
    after: JobRow | None,
) -> None:
    """What somebody did to a job, if it is to be told; `after` None: it is deleted."""
    if after is not None and not of_others(principal, before.owner_id):
        return
    was, now = (_job(before), None if after is None else _job(after))
    if now is not None:
        was, now = _difference(was, now)
    if after is not None and after.payload != before.payload:
        now = (now or {}) | {"payload": "changed"}
    if was or now or event == "retry":
        administered(unit, f"job.{event}", principal, before.id, was, now, reason)


def _job(row: JobRow) -> dict[str, Any]:
    """What a person can do something about."""
    told = {name: getattr(row, name) for name in _EDITED}
    told |= {"status": row.state, "cancel_requested": bool(row.cancel_requested)}
    told["tags"] = [] if row.tags is None else _any.decode(row.tags)
    return told | _options.decode(row.options or "{}")


def _difference(
    before: dict[str, Any], after: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in (before | after) if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def schedule_act(
    unit: Unit,
    event: str,
    principal: Principal,
    reason: str | None,
    before: ScheduleRow,
    after: ScheduleRow | None,
    told: Mapping[str, Any] | None = None,
) -> None:
    """What somebody did to a schedule, if it is to be told; `after` None: it is deleted. `told`
    is what came of an act that leaves the schedule as it is."""
    if after is not None and not of_others(principal, before.owner_id):
        return
    was, now = _schedule(before), None if after is None else _schedule(after)
    if now is not None:
        was, now = _difference(was, now)
    if after is not None and (before.payload, before.workflow, before.job) != (
        after.payload, after.workflow, after.job,
    ):  # fmt: skip
        now = (now or {}) | {"template": "changed"}
    if was or now or told or event == "trigger":
        now = now if told is None else dict(told)
        administered(unit, f"schedule.{event}", principal, before.id, was, now, reason)


def _schedule(row: ScheduleRow) -> dict[str, Any]:
    told: dict[str, Any] = {"name": row.name, "paused": row.paused_at is not None}
    return told | _options.decode(row.rules)
