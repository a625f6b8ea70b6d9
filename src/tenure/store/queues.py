"""Settings of queues: what a person changes, and reading them with their use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from tenure.domain.queue import UNTOUCHED, Gate, QueueRules
from tenure.domain.version import check_version
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.dialect import Dialect
from tenure.store.events import Happening, record
from tenure.store.governing import in_use, rate_of
from tenure.store.tables_queues import queues
from tenure.store.unit import Unit

LAST_KEY = "~queue"
"""The key of these verbs among single ones: after those about jobs, whose rows they wait for."""
_ALL = 2**31


@dataclass(frozen=True, slots=True)
class QueueEdit:
    """New values by field name of QueueRules; what is not there stays.

    `version` and `if_match` guard as those of a job's edit.
    """

    rules: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None
    if_match: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A queue's settings and use. `version` 0: nobody ever set anything."""

    name: str
    gate: Gate = UNTOUCHED
    version: int = 0
    updated_at: int | None = None

    @property
    def rules(self) -> QueueRules:
        return self.gate.rules


class _Row(NamedTuple):
    name: str
    paused_at: int | None
    paused_by: str | None
    pause_reason: str | None
    max_running: int | None
    rate_count: int | None
    rate_interval: int | None
    rate_at: int
    aging: int | None
    version: int
    updated_at: int
    in_use: int

    def settings(self) -> QueueSettings:
        rules = QueueRules(
            self.max_running, rate_of(self.rate_count, self.rate_interval), self.aging
        )
        gate = Gate(
            rules, self.paused_at, self.paused_by, self.pause_reason, self.in_use, self.rate_at
        )
        return QueueSettings(self.name, gate, self.version, self.updated_at)


def edit(unit: Unit, name: str, wanted: QueueEdit, action: Action) -> None:
    """Change a queue's settings; its version grows by one. What runs is never stopped.

    Like all verbs here it waits for claims under way and lets none begin before it is over, so
    that each sees either none or all of it. An edit of nothing changes nothing. Raises
    PreconditionFailed, VersionConflict.
    """
    row = _alone(unit, name)
    check_version("the queue", row.version, wanted.version, wanted.if_match)
    if not wanted.rules:
        return
    rules = replace(row.rules, **wanted.rules)
    _write(unit, row, replace(row.gate, rules=rules))
    told = {"fields": sorted(wanted.rules), "version": row.version + 1}
    _note(unit, name, "edit", action, **told)


def pause(unit: Unit, name: str, action: Action) -> None:
    """Give no more jobs until resumed. Repeatable: a paused queue keeps who did it and why."""
    row = _alone(unit, name)
    if row.gate.paused:
        return
    held = replace(row.gate, paused_at=unit.now, paused_by=action.actor, pause_reason=action.reason)
    _write(unit, row, held)
    _note(unit, name, "pause", action)


def resume(unit: Unit, name: str, action: Action) -> None:
    """Give jobs again. Repeatable."""
    row = _alone(unit, name)
    if not row.gate.paused:
        return
    _write(unit, row, _resumed(row.gate))
    _note(unit, name, "resume", action)


def unset(unit: Unit, name: str, wanted: QueueEdit, action: Action) -> None:
    """Back to a queue that nobody touched, not paused either. Repeatable. Raises as `edit`.

    Its row stays, so that no version comes twice.
    """
    row = _alone(unit, name)
    check_version("the queue", row.version, wanted.version, wanted.if_match)
    if row.gate.paused or row.rules != QueueRules():
        _write(unit, row, replace(_resumed(row.gate), rules=QueueRules()))
        _note(unit, name, "unset", action)


def _resumed(gate: Gate) -> Gate:
    return replace(gate, paused_at=None, paused_by=None, pause_reason=None)


def _alone(unit: Unit, name: str) -> QueueSettings:
    unit.dialect.take_alone(unit.conn, queues)
    return settings_of(unit, name)


def _governed(gate: Gate) -> bool:
    return gate.paused or gate.rules.max_running is not None or gate.rules.rate is not None


def _write(unit: Unit, row: QueueSettings, gate: Gate) -> None:
    rate = gate.rules.rate
    # Claims of a queue that was not governed marked nothing they leased.
    counted = _governed(row.gate)
    values = (
        row.name, gate.paused_at, gate.paused_by, gate.pause_reason, gate.rules.max_running,
        rate and rate.count, rate and rate.interval, gate.rate_at, gate.rules.aging,
        int(counted), row.version + 1, unit.now,
    )  # fmt: skip
    unit.execute(_upsert(unit.dialect, counted), [values])
    if not gate.paused:
        unit.freed[row.name] += _ALL


_WRITTEN = (
    "name", "paused_at", "paused_by", "pause_reason", "max_running", "rate_count",
    "rate_interval", "rate_at", "aging", "counted", "version", "updated_at",
)  # fmt: skip


@cache
def _upsert(dialect: Dialect, counted: bool) -> sa.Executable:
    batch = dialect.batch(*(queues.c[name] for name in _WRITTEN))
    insert = dialect.upsert(queues).from_select(
        list(_WRITTEN), sa.select(*batch.c).where(sa.true())
    )
    kept = {"name", "counted"} if counted else {"name"}
    changed = {name: insert.excluded[name] for name in _WRITTEN if name not in kept}
    return insert.on_conflict_do_update(index_elements=["name"], set_=changed)


def _note(unit: Unit, name: str, event: str, action: Action, **detail: Any) -> None:
    told = {"queue": name, **detail}
    record(unit, [Happening(f"queue_{event}", None, action.actor, action.reason, told)])


def settings_of(unit: Unit, name: str) -> QueueSettings:
    """A queue's settings and use; nothing set for a queue that nobody touched."""
    rows = unit.rows(_read(unit.dialect, True), name=name)
    return _Row._make(rows[0]).settings() if rows else QueueSettings(name)


def all_settings(unit: Unit) -> list[QueueSettings]:
    """The queues for which something is set, by name."""
    return [_Row._make(row).settings() for row in unit.rows(_read(unit.dialect, False))]


@cache
def _read(dialect: Dialect, one: bool) -> sa.Select[Any]:
    c = queues.c
    used = in_use(c.name).correlate(queues).label("in_use")
    found = sa.select(*(c[name] for name in _Row._fields[:-1]), used)
    if one:
        return dialect.read(found.where(c.name == sa.bindparam("name", type_=t.Text)))
    touched = [c[name].is_not(None) for name in ("paused_at", "max_running", "rate_count", "aging")]
    return dialect.read(found.where(sa.or_(*touched)).order_by(c.name))
