"""What a person does with a schedule: create, change, pause, resume, delete, run now, backfill.

Every verb but `create` locks the schedule's row first, so it waits for a fire under way and the
next fire sees what it did. What makes the template run or changes it raises Forbidden when one of
its jobs is a script that the action may not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.errors import ScheduleNotFound
from tenure.domain.ids import is_id
from tenure.domain.schedule import check, due_at, plan
from tenure.domain.scheduling import FireOutcome, ScheduleRules
from tenure.domain.template import Template, restored, types
from tenure.domain.version import check_version
from tenure.store import naming
from tenure.store import tables as t
from tenure.store import tables_schedules as s
from tenure.store.control import Action
from tenure.store.dialect import Dialect
from tenure.store.edits import Secrets
from tenure.store.events import Happening, record
from tenure.store.fires import Firing, insert_fires, lapse, submit_all
from tenure.store.schedule_rows import (
    decode_rules,
    decode_template,
    encode_rules,
    encode_template,
)
from tenure.store.sight import owned, visible
from tenure.store.unit import Unit


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A checked schedule on its way to the store."""

    id: str
    rules: ScheduleRules
    template: Template
    name: str | None = None
    owner_id: str | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class ScheduleEdit:
    """New values; what is not there stays. `rules` by field name of ScheduleRules.

    `named`: whether `name` is to change. `version` and `if_match` guard as those of a job's edit.
    """

    rules: Mapping[str, Any]
    template: Template | None = None
    named: bool = False
    name: str | None = None
    version: int | None = None
    if_match: frozenset[int] | None = None
    secrets: Secrets | None = None


class _Locked(NamedTuple):
    id: str
    name: str | None
    rules: str
    job: str | None
    payload: str | None
    workflow: str | None
    owner_id: str | None
    created_at: int
    version: int
    paused_at: int | None
    paused_until: int | None
    next_nominal_at: int | None


def resolve(unit: Unit, text: str, only: str | None = None) -> str:
    """The id of the schedule that `text` names: its id, its name if no other has it, or the
    beginning of its id (`naming.resolve`); of those of the owner `only` unless that is None.

    Raises ScheduleNotFound.
    """
    if is_id(text):
        return text
    named = _read_named(unit.dialect, only is not None)
    rows = unit.rows(named, name=text, only=only) if text.isprintable() else []
    if len(rows) > 1:
        raise ScheduleNotFound(f"several schedules are named {text}, give the id")
    if rows:
        found: str = rows[0][0]
        return found
    if naming.prefix_span(text.lower()) is None:
        raise ScheduleNotFound(
            f"there is no schedule {text[:40]} "
            f"(give its name, or {naming.MIN_PREFIX} characters or more of its id)"
        )
    return naming.resolve(unit, s.schedules, text.lower(), ScheduleNotFound, "schedule", only)


@cache
def _read_named(dialect: Dialect, own: bool) -> sa.Select[Any]:
    """Reads ix_schedules_name_id."""
    c = s.schedules.c
    found = sa.select(c.id).where(s.NAMED, c.name == sa.bindparam("name", type_=t.Text)).limit(2)
    return dialect.read(found.where(owned(c.owner_id)) if own else found)


def create(unit: Unit, new: NewSchedule, action: Action) -> None:
    """Insert a schedule; its first time is the first after now. Locks nothing, not repeatable.

    Raises InvalidInput when it never fires.
    """
    check_scripts(new.template, action)
    rules = _anchored(new.rules, unit.now)
    nominal = check(rules, unit.now)
    due = None if new.paused else due_at(rules, new.id, nominal)
    template: dict[str, Any] = {**encode_template(new.template)}
    unit.execute(
        sa.insert(s.schedules),
        id=new.id,
        name=new.name,
        rules=encode_rules(rules),
        **template,
        owner_id=new.owner_id,
        created_at=unit.now,
        version=1,
        paused_at=unit.now if new.paused else None,
        paused_by=action.actor if new.paused else None,
        next_nominal_at=nominal,
        next_fire_at=due,
    )
    _note(unit, new.id, "create", action)
    _wake(unit, due)


def _anchored(rules: ScheduleRules, created_at: int) -> ScheduleRules:
    """`every` counts from `start_at`, or else from when the schedule was created."""
    return replace(rules, anchor=created_at if rules.start_at is None else rules.start_at)


def _wake(unit: Unit, due: int | None) -> None:
    if due is not None:
        unit.fire_at(due)


def _note(unit: Unit, schedule_id: str, event: str, action: Action, **detail: Any) -> None:
    told = {"schedule_id": schedule_id, **detail}
    record(unit, [Happening(f"schedule_{event}", None, action.actor, action.reason, told)])


def _locked(unit: Unit, schedule_id: str, action: Action) -> _Locked:
    rows = unit.rows(_lock(unit.dialect), schedule_id=schedule_id, only=action.only)
    if not rows:
        raise ScheduleNotFound(f"there is no schedule {schedule_id}")
    return _Locked._make(rows[0])


@cache
def _lock(dialect: Dialect) -> sa.Select[Any]:
    c = s.schedules.c
    return dialect.read(
        sa.select(*(c[name] for name in _Locked._fields))
        .where(c.id == sa.bindparam("schedule_id"), c.deleted_at.is_(None), visible(c.owner_id))
        .with_for_update()
    )


def edit(unit: Unit, schedule_id: str, wanted: ScheduleEdit, action: Action) -> None:
    """Change a schedule; its version grows by one. With other times it goes on from now.

    Times that were due and not yet decided are noted as missed or paused. Raises
    ScheduleNotFound, PreconditionFailed, VersionConflict, InvalidInput.
    """
    row = _locked(unit, schedule_id, action)
    check_version("the schedule", row.version, wanted.version, wanted.if_match)
    for one in (_template(row), wanted.template or _template(row)):
        check_scripts(one, action)
    rules = decode_rules(row.rules)
    changed = _anchored(replace(rules, **wanted.rules), row.created_at)
    nominal, until = row.next_nominal_at, row.paused_until
    if _times(changed) != _times(rules):
        nominal, until = check(changed, unit.now), None
        _lapse(unit, row, rules)
    due = None if nominal is None or row.paused_at else due_at(changed, row.id, nominal)
    template = encode_template(_wanted_template(wanted, _template(row)))
    unit.execute(
        _write(),
        key=schedule_id,
        title=wanted.name if wanted.named else row.name,
        law=encode_rules(changed),
        template=template["job"],
        body=template["payload"],
        flow=template["workflow"],
        nominal=nominal,
        until=until,
        due=due,
    )
    _note(unit, schedule_id, "edit", action, version=row.version + 1)
    _wake(unit, due)


def _wanted_template(wanted: ScheduleEdit, before: Template) -> Template:
    """The template to keep, masks in it replaced by what was there. Raises InvalidInput."""
    if wanted.template is None or wanted.secrets is None:
        return wanted.template or before
    return restored(wanted.template, before, wanted.secrets.restored)


def _times(rules: ScheduleRules) -> tuple[Any, ...]:
    """What the nominal times and their moments depend on."""
    return (
        rules.cron, rules.every, rules.timezone, rules.anchor, rules.start_at, rules.end_at,
        rules.jitter,
    )  # fmt: skip


def _lapse(unit: Unit, row: _Locked, rules: ScheduleRules) -> None:
    """Note what was due under rules that end now; up to 10,000 times are counted."""
    if row.next_nominal_at is None or row.next_nominal_at > unit.now:
        return
    outcome = FireOutcome.MISSED if row.paused_at is None else FireOutcome.PAUSED
    passed = plan(rules, row.id, row.next_nominal_at, unit.now, paused_until=unit.now)
    for stretch in passed.stretches:
        lapse(unit, row.id, replace(stretch, outcome=outcome))


@cache
def _write() -> sa.Update:
    c = s.schedules.c
    return (
        sa.update(s.schedules)
        .where(c.id == sa.bindparam("key"))
        .values(
            name=sa.bindparam("title"),
            rules=sa.bindparam("law"),
            job=sa.bindparam("template"),
            payload=sa.bindparam("body"),
            workflow=sa.bindparam("flow"),
            next_nominal_at=sa.bindparam("nominal"),
            next_fire_at=sa.bindparam("due"),
            paused_until=sa.bindparam("until"),
            stretch_at=None,
            stretch_outcome=None,
            version=c.version + 1,
        )
    )


def pause(unit: Unit, schedule_id: str, action: Action) -> None:
    """Stop firing until resumed. Repeatable: a paused schedule keeps its reason."""
    row = _locked(unit, schedule_id, action)
    if row.paused_at is not None:
        return
    unit.execute(
        _set_pause(),
        key=schedule_id,
        at=unit.now,
        who=action.actor,
        why=action.reason,
        until=row.paused_until,
        due=None,
    )
    _note(unit, schedule_id, "pause", action)


def resume(unit: Unit, schedule_id: str, action: Action) -> None:
    """Fire again from now on; what passed meanwhile is noted as paused, and not made up.
    Repeatable."""
    row = _locked(unit, schedule_id, action)
    if row.paused_at is None:
        return
    check_scripts(_template(row), action)
    nominal = row.next_nominal_at
    due = None if nominal is None else due_at(decode_rules(row.rules), row.id, nominal)
    until = unit.now if nominal is not None and nominal <= unit.now else None
    unit.execute(_set_pause(), key=schedule_id, at=None, who=None, why=None, until=until, due=due)
    _note(unit, schedule_id, "resume", action)
    _wake(unit, due)


@cache
def _set_pause() -> sa.Update:
    c = s.schedules.c
    return (
        sa.update(s.schedules)
        .where(c.id == sa.bindparam("key"))
        .values(
            paused_at=sa.bindparam("at"),
            paused_by=sa.bindparam("who"),
            pause_reason=sa.bindparam("why"),
            paused_until=sa.bindparam("until"),
            next_fire_at=sa.bindparam("due"),
            version=c.version + 1,
        )
    )


def delete(unit: Unit, schedule_id: str, action: Action) -> None:
    """Fire no more and hide it from every read. Its jobs stay."""
    _locked(unit, schedule_id, action)
    unit.execute(_hide(), key=schedule_id, at=unit.now)
    _note(unit, schedule_id, "delete", action)


@cache
def _hide() -> sa.Update:
    return (
        sa.update(s.schedules)
        .where(s.schedules.c.id == sa.bindparam("key"))
        .values(deleted_at=sa.bindparam("at"), next_fire_at=None)
    )


def trigger(unit: Unit, schedule_id: str, id_: str, action: Action) -> str:
    """Submit the job or workflow once now under this id, whatever else runs, and paused or not;
    the id of its first job. No nominal time is used up. Not repeatable."""
    row = _locked(unit, schedule_id, action)
    template = _template(row)
    check_scripts(template, action)
    [first] = submit_all(unit, [Firing(row.id, row.owner_id, template, id=id_)])
    _note(unit, schedule_id, "trigger", action, job_id=first)
    return first


def backfill(unit: Unit, schedule_id: str, nominal: list[int], action: Action) -> list[Firing]:
    """Fire these nominal times (microseconds) as far as they have not fired; which those are."""
    row = _locked(unit, schedule_id, action)
    template = _template(row)
    check_scripts(template, action)
    firings = [Firing(row.id, row.owner_id, template, at) for at in nominal]
    made = insert_fires(unit, firings, FireOutcome.BACKFILLED)
    _note(unit, schedule_id, "backfill", action, count=len(made))
    return made


def check_scripts(template: Template, action: Action) -> None:
    """Refuse to make this run. Raises Forbidden."""
    for type_ in types(template):
        action.check_script(type_)


def _template(row: _Locked) -> Template:
    return decode_template(row.job, row.payload, row.workflow)
