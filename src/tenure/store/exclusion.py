"""Unique keys of submits: who gets a key, and what becomes of the others.

A conflict answers with the job that has the key, refuses, or edits that job. First come in the
transaction wins, and what a refused request has taken goes to the next that wants it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tenure.domain.errors import FieldError, TenureError, UniqueTaken
from tenure.domain.job import JobOptions, NewJob, OnConflict, Unique
from tenure.domain.lifecycle import JobState
from tenure.store import tables as t
from tenure.store.dialect import Dialect
from tenure.store.keys import drop_keys
from tenure.store.uniqueness import Key, let_go, take, taken
from tenure.store.unit import Unit

if TYPE_CHECKING:
    from tenure.store.submits import Submission, Submitted

    Answers = list[Submitted | TenureError]

_KEPT = frozenset({"unique"})
_OPTIONS = tuple(field.name for field in fields(JobOptions) if field.name not in _KEPT)


@dataclass(frozen=True, slots=True)
class Replacement:
    """An unstarted job that gets the contents of another."""

    job_id: str
    job: NewJob

    def changes(self) -> dict[str, Any]:
        """New values by field name of JobSpec and JobOptions."""
        spec = self.job.spec
        plain = ("type", "queue", "name", "priority", "tags")
        return {name: getattr(spec, name) for name in plain} | {
            name: getattr(spec.options, name) for name in _OPTIONS
        }


@dataclass(slots=True)
class _Verdicts:
    """What is decided so far. `fate` says what became of jobs that are not inserted: the id that
    stands for them, or why they were refused."""

    held: dict[Key, str]
    startable: set[str]
    fate: dict[str, str | TenureError] = field(default_factory=dict)
    passed_on: dict[Key, tuple[str, Unique]] = field(default_factory=dict)
    replacements: list[Replacement] = field(default_factory=list)


def exclude(unit: Unit, submissions: list[Submission], answers: Answers) -> list[Replacement]:
    """Settle the unique keys of all requests in their `answers`; which jobs to edit afterwards.

    Locks: unique keys ascending, then the jobs that `replace` is about, ascending. Keys that
    refused jobs had taken, idempotency keys too, are free again.
    """
    wanted: dict[Key, tuple[str, Unique]] = {}
    for s, answer in zip(submissions, answers, strict=True):
        for _, job, unique in _new(s, answer):
            wanted.setdefault(_key(job, unique), (job.id, unique))
    if not wanted:
        return []
    held = take(unit, wanted)
    own = {job.id for s in submissions for job in s.jobs}
    others = {
        held[_key(job, unique)]
        for s, answer in zip(submissions, answers, strict=True)
        for _, job, unique in _new(s, answer)
        if unique.on_conflict is OnConflict.REPLACE
    } - own
    verdicts = _Verdicts(held, own | (_unstarted(unit, others) if others else set()))
    for place, s in enumerate(submissions):
        answers[place] = _judge(s, answers[place], verdicts)
    refused = [job_id for job_id, fate in verdicts.fate.items() if isinstance(fate, TenureError)]
    let_go(unit, refused, ended=False)
    if verdicts.passed_on:
        take(unit, verdicts.passed_on)
    if verdicts.fate:
        _mend(unit, submissions, answers, verdicts.fate)
    return verdicts.replacements


def _key(job: NewJob, unique: Unique) -> Key:
    """A unique key is one of the job's owner, whoever submits it."""
    return job.owner_id or "", unique.key


def _new(s: Submission, answer: Submitted | TenureError) -> Iterator[tuple[int, NewJob, Unique]]:
    """The unique jobs of a request that are to be inserted, with their places."""
    if isinstance(answer, TenureError) or answer.replayed is not None:
        return
    for place, job in enumerate(s.jobs):
        unique = job.spec.options.unique
        if unique is not None and place not in answer.existing and place not in answer.refused:
            yield place, job, unique


def _judge(
    s: Submission, answer: Submitted | TenureError, verdicts: _Verdicts
) -> Submitted | TenureError:
    if isinstance(answer, TenureError):
        return answer
    existing: dict[int, str] = {}
    refused: dict[int, TenureError] = {}
    replacements: list[Replacement] = []
    for place, job, unique in _new(s, answer):
        key = _key(job, unique)
        holder = verdicts.held[key]
        if isinstance(verdicts.fate.get(holder), TenureError):
            verdicts.held[key] = holder = job.id
            verdicts.passed_on[key] = (job.id, unique)
        if holder == job.id:
            continue
        existing[place] = holder
        if s.workflow is not None:  # its graph is whole or not there
            refused[place] = _refusal(s, place, unique, holder)
        elif unique.on_conflict is OnConflict.REPLACE and holder in verdicts.startable:
            replacements.append(Replacement(holder, job))
        elif unique.on_conflict is not OnConflict.RETURN_EXISTING:
            refused[place] = _refusal(s, place, unique, holder)
    if refused and s.atomic:
        error = refused[min(refused)]
        verdicts.fate |= {job.id: error for job in s.jobs}
        for key, (job_id, _) in list(verdicts.passed_on.items()):
            if job_id in verdicts.fate:
                del verdicts.passed_on[key]
        return error
    verdicts.fate |= {s.jobs[place].id: fate for place, fate in (existing | refused).items()}
    verdicts.replacements += replacements
    answer.existing |= {place: id_ for place, id_ in existing.items() if place not in refused}
    answer.refused |= refused
    return answer


def _refusal(s: Submission, place: int, unique: Unique, holder: str) -> UniqueTaken:
    detail = taken(unique.key, holder).detail
    if unique.on_conflict is OnConflict.REPLACE:
        detail += ", which has started"
    pointer = "/unique" if len(s.jobs) == 1 else f"{s.pointer.format(place)}/unique"
    return UniqueTaken(detail, errors=(FieldError(pointer, detail),))


def _unstarted(unit: Unit, job_ids: set[str]) -> set[str]:
    """Those of the jobs that were never started, locked until the transaction ends."""
    ids = [(job_id,) for job_id in sorted(job_ids)]
    unit.rows(_lock_jobs(unit.dialect), ids)
    return {
        job_id
        for job_id, state, attempt in unit.rows(_lock_active(unit.dialect), ids)
        if state != JobState.RUNNING and attempt == 0
    }


@cache
def _lock_jobs(dialect: Dialect) -> sa.Select[Any]:
    j = t.jobs.c
    batch = dialect.batch(j.id)
    return dialect.read(
        sa.select(j.id)
        .where(j.id.in_(sa.select(batch.c.id)))
        .order_by(j.id)
        .with_for_update(key_share=True)
    )


@cache
def _lock_active(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id)
    return dialect.read(
        sa.select(a.job_id, a.state, a.attempt)
        .where(a.job_id.in_(sa.select(batch.c.job_id)))
        .order_by(a.job_id)
        .with_for_update()
    )


def _mend(
    unit: Unit,
    submissions: list[Submission],
    answers: Answers,
    fate: dict[str, str | TenureError],
) -> None:
    """Bring in line what was decided by idempotency keys before the unique keys were looked at."""
    freed: list[Key] = []
    changed: dict[Key, tuple[str, str | None]] = {}
    for place, (s, answer) in enumerate(zip(submissions, answers, strict=True)):
        request = (s.owner, s.key or "")
        if not isinstance(answer, TenureError) and answer.replayed is not None:
            if request in freed:
                answers[place] = next(_errors(fate, submissions, request))
            elif request in changed:
                holder, answer.replayed = changed[request]
                answer.existing |= {} if answer.replayed else {0: holder}
            continue
        hit = [job for job in s.jobs if job.id in fate]
        if hit and s.key is not None and isinstance(answer, TenureError):
            freed.append(request)
        elif hit and s.key is not None and not isinstance(answer, TenureError):
            text = None if s.told is None else s.told(answer)
            changed[request] = (answer.existing.get(0, s.jobs[0].id), text)
        for job in hit:
            _mend_item((s.owner, job.idempotency_key or ""), fate[job.id], freed, changed)
        if not isinstance(answer, TenureError):
            _follow(answer, fate)
    if freed:
        unit.execute(drop_keys(unit.dialect), sorted(freed))
    if changed:
        unit.execute(_change_keys(unit.dialect), sorted((*k, *v) for k, v in changed.items()))


def _mend_item(
    key: Key,
    end: str | TenureError,
    freed: list[Key],
    changed: dict[Key, tuple[str, str | None]],
) -> None:
    """The idempotency key of one job that is not inserted; nobody has the empty one."""
    if key[1] and isinstance(end, TenureError):
        freed.append(key)
    elif key[1] and isinstance(end, str):
        changed[key] = (end, None)


def _errors(
    fate: dict[str, str | TenureError], submissions: list[Submission], request: Key
) -> Iterator[TenureError]:
    """Why the request that came first under an idempotency key was refused."""
    for s in submissions:
        end = fate.get(s.jobs[0].id) if s.jobs and (s.owner, s.key) == request else None
        if isinstance(end, TenureError):
            yield end


def _follow(answer: Submitted, fate: dict[str, str | TenureError]) -> None:
    """Items that stand for a job of the same transaction share what became of it."""
    for place, job_id in list(answer.existing.items()):
        end = fate.get(job_id, job_id)
        if isinstance(end, TenureError):
            del answer.existing[place]
            answer.refused[place] = end
        else:
            answer.existing[place] = end


@cache
def _change_keys(dialect: Dialect) -> sa.Executable:
    c = t.idempotency_keys.c
    batch = dialect.batch(c.owner, c.key, c.job_id, c.answer)
    return (
        sa.update(t.idempotency_keys)
        .where(c.owner == batch.c.owner, c.key == batch.c.key)
        .values(job_id=batch.c.job_id, answer=batch.c.answer)
    )
