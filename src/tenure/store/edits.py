"""Editing a job that is not running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from tenure.domain.errors import IllegalTransition, InvalidInput
from tenure.domain.job import JobOptions, JobSpec, Reason, Tie
from tenure.domain.lifecycle import TERMINAL, Circumstances, JobState, ready
from tenure.domain.version import check_version
from tenure.store import tables as t
from tenure.store.control import Action, Asked, Row, locked, note
from tenure.store.dialect import Dialect
from tenure.store.options import decode_options, encode_options
from tenure.store.ranking import ranked
from tenure.store.unit import Unit, json_text

_OPTIONS = frozenset(field.name for field in fields(JobOptions))
_ORDERED = frozenset({"priority", "run_at", "queue"})
_MOVED = _ORDERED | {"type", "expires_at", "max_attempts", "concurrency_key"}


@dataclass(frozen=True, slots=True)
class Edit:
    """New values by field name of JobSpec and JobOptions; fields that are not there stay.

    `payload` is JSON text, None leaves it. `version` and `if_match` (any of these versions) guard
    against changes by someone else. With `secrets` a mask in the payload stands for what is stored.
    """

    changes: Mapping[str, Any]
    payload: str | None = None
    version: int | None = None
    if_match: frozenset[int] | None = None
    secrets: Secrets | None = None


class Secrets(Protocol):
    """Knows which fields of payloads are shown masked."""

    def hides(self, type_: str) -> bool:
        """Whether a type has such fields."""

    def restored(self, type_: str, payload: str, stored: str, where: str = "/payload") -> str:
        """A payload whose masks are again what is stored. Raises InvalidInput."""


def edit(unit: Unit, job_id: str, wanted: Edit, action: Action) -> None:
    """Change what is asked of a job that waits; its version grows by one.

    An edit of nothing changes nothing. Locks and raises as `control.locked`, and raises
    PreconditionFailed, VersionConflict, IllegalTransition when the job runs or has ended,
    InvalidInput when its attempts are already beyond `max_attempts`, Forbidden when it is or
    becomes a script that the action may not run.
    """
    row, asked = locked(unit, job_id, action.only)
    _check(row, asked, wanted)
    if not wanted.changes and wanted.payload is None:
        return
    spec = _edited(asked, wanted.changes)
    action.check_script(asked.type)
    action.check_script(spec.type)
    if "max_attempts" in wanted.changes and spec.options.max_attempts <= row.attempt:
        raise InvalidInput.field(
            "max_attempts", f"{row.attempt} attempts were made, so at least {row.attempt + 1}"
        )
    body = _payload(unit, job_id, wanted, asked.type, spec.type)
    unit.execute(
        _write_job(),
        job=job_id,
        kind=spec.type,
        lane=spec.queue,
        title=spec.name,
        urgency=spec.priority,
        rules=encode_options(spec.options),
        labels=json_text(spec.tags) if spec.tags else None,
        body=body,
    )
    if not _MOVED.isdisjoint(wanted.changes):
        unit.contended |= {
            key for key in (asked.concurrency_key, spec.options.concurrency_key) if key
        }
        _move(unit, job_id, row, spec, wanted.changes)
    changed = sorted(wanted.changes) + (["payload"] if wanted.payload is not None else [])
    note(unit, job_id, "edit", action, {"fields": changed, "version": asked.version + 1})


def _payload(unit: Unit, job_id: str, wanted: Edit, before: str, after: str) -> str | None:
    """What is written for a payload. Raises InvalidInput."""
    secrets, payload = wanted.secrets, wanted.payload
    if secrets is None:
        return payload
    if payload is None:
        if before != after and secrets.hides(before):
            detail = f"jobs of type {before} have secrets: give a payload with the new type"
            raise InvalidInput.field("payload", detail)
        return None
    if before != after:
        return secrets.restored(after, payload, "null")
    if not secrets.hides(before):
        return payload
    [(stored,)] = unit.rows(_read_payload(unit.dialect), job=job_id)
    return secrets.restored(before, payload, stored)


@cache
def _read_payload(dialect: Dialect) -> sa.Select[Any]:
    return dialect.read(sa.select(t.jobs.c.payload).where(t.jobs.c.id == sa.bindparam("job")))


def _check(row: Row, asked: Asked, wanted: Edit) -> None:
    check_version("the job", asked.version, wanted.version, wanted.if_match)
    if row.state is JobState.RUNNING:
        raise IllegalTransition("a running job cannot be edited")
    if row.state in TERMINAL:
        raise IllegalTransition(f"a job that is {row.state} cannot be edited")


def _edited(asked: Asked, changes: Mapping[str, Any]) -> JobSpec:
    options = replace(
        decode_options(asked.options),
        **{name: value for name, value in changes.items() if name in _OPTIONS},
    )
    tags = () if asked.tags is None else tuple(msgspec.json.decode(asked.tags))
    spec = JobSpec(asked.type, asked.queue, asked.name, asked.priority, tags, options)
    return replace(spec, **{name: value for name, value in changes.items() if name not in _OPTIONS})


@cache
def _write_job() -> sa.Update:
    j = t.jobs.c
    return (
        sa.update(t.jobs)
        .where(j.id == sa.bindparam("job"))
        .values(
            type=sa.bindparam("kind"),
            queue=sa.bindparam("lane"),
            name=sa.bindparam("title"),
            priority=sa.bindparam("urgency"),
            options=sa.bindparam("rules"),
            tags=sa.bindparam("labels"),
            payload=sa.func.coalesce(sa.bindparam("body", type_=t.Text), j.payload),
            version=j.version + 1,
        )
    )


def _move(unit: Unit, job_id: str, row: Row, spec: JobSpec, changes: Mapping[str, Any]) -> None:
    """Bring the active row in line: lane, order, and whether it waits for its time."""
    run_at, state, reason = row.run_at, row.state, row.reason
    key = spec.options.concurrency_key
    awaits = state is JobState.BLOCKED and reason == Reason.CONCURRENCY_KEY
    if "run_at" in changes:
        # A job that is due now stands where it became ready, not at the end of the line.
        asked_for = spec.options.run_at
        later = asked_for is not None and asked_for > unit.now
        run_at = asked_for if later and asked_for is not None else min(run_at, unit.now)
        if awaits or state is not JobState.BLOCKED:
            reason = Reason.RUN_AT.value if later else None
        if awaits or state in (JobState.SCHEDULED, JobState.PENDING):
            state = ready(Circumstances(due_later=later))
    if "concurrency_key" in changes and awaits:
        state, reason = ready(Circumstances(due_later=run_at > unit.now)), None
    admitted = row.state is JobState.PENDING and "concurrency_key" not in changes
    if state is JobState.PENDING and key is not None and not admitted:
        state, reason = JobState.BLOCKED, Reason.CONCURRENCY_KEY.value
    place = row.rank
    if not _ORDERED.isdisjoint(changes):
        place = ranked(unit, spec.queue, run_at, spec.priority)
    unit.execute(
        _write_active(),
        job=job_id,
        lane=spec.queue,
        kind=spec.type,
        phase=state.value,
        why=reason,
        place=place,
        due=run_at,
        end=spec.options.expires_at,
        key=key,
        bound=row.ties & ~Tie.CONCURRENCY_KEY | spec.options.ties,
        most=spec.options.max_attempts if "max_attempts" in changes else row.max_attempts,
    )
    if state is JobState.PENDING:
        unit.ready[spec.queue, spec.type] += 1
    elif state is JobState.SCHEDULED:
        unit.schedule(run_at)


@cache
def _write_active() -> sa.Update:
    a = t.active_jobs.c
    return (
        sa.update(t.active_jobs)
        .where(a.job_id == sa.bindparam("job"))
        .values(
            queue=sa.bindparam("lane"),
            type=sa.bindparam("kind"),
            state=sa.bindparam("phase"),
            reason=sa.bindparam("why"),
            rank=sa.bindparam("place"),
            run_at=sa.bindparam("due"),
            expires_at=sa.bindparam("end"),
            max_attempts=sa.bindparam("most"),
            concurrency_key=sa.bindparam("key"),
            ties=sa.bindparam("bound"),
        )
    )
