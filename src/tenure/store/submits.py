"""Submitting: new jobs, and the idempotency keys that guard them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.errors import FieldError, IdempotencyMismatch, InvalidInput, TenureError
from tenure.domain.job import NewJob, waiting_reason
from tenure.domain.lifecycle import Circumstances, JobState, ready
from tenure.domain.workflow import NewWorkflow
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.dialect import Dialect
from tenure.store.edits import Edit, edit
from tenure.store.exclusion import exclude
from tenure.store.keys import drop_keys, held_keys, take_keys
from tenure.store.links import tie, unfit
from tenure.store.options import encode_options
from tenure.store.quotas import beyond
from tenure.store.ranking import ranked
from tenure.store.unit import Unit, json_text


@dataclass(slots=True)
class Submission:
    """One request: its jobs in order, asked for `at` (microseconds).

    With `atomic` a refused job refuses the request. `key`, `digest` and `answer` guard the request
    as a whole; each job may bring its own key besides. `answer` is what a repeated request gets.
    `tied` says that jobs have edges or a workflow, `fired` that they are of schedules.
    `pointer` leads to a job of the request. `told` makes `answer` anew when a unique key changed
    what becomes of the jobs (None: the one job says it all). `only`: the owner on whose jobs these
    may depend, on anybody's when None. `most_unfinished`: how many unfinished jobs the owner may
    have, these included; None: any number.
    """

    jobs: list[NewJob]
    at: int
    owner: str = ""
    atomic: bool = True
    key: str | None = None
    digest: str = ""
    answer: str | None = None
    tied: bool = False
    fired: bool = False
    workflow: NewWorkflow | None = None
    pointer: str = "/{}"
    told: Callable[[Submitted], str] | None = None
    only: str | None = None
    most_unfinished: int | None = None


@dataclass(slots=True)
class Submitted:
    """What became of a request. `existing` maps a job's place to the id its key led to before;
    `refused` a place to why: its key was used with another body, a parent is not there, its unique
    key is another job's, or its owner has too many.
    `replayed` is the stored answer of a request that came before."""

    replayed: str | None = None
    existing: dict[int, str] = field(default_factory=dict)
    refused: dict[int, TenureError] = field(default_factory=dict)


def submit(unit: Unit, submissions: list[Submission]) -> list[Submitted | TenureError]:
    """Insert the jobs of several requests: two statements, whatever their number.

    Locks: idempotency keys ascending, unique keys ascending with the jobs they replace, the parents
    of tied jobs (`links.tie`), then new rows only. Repeatable: a job is inserted again never, its
    id being the caller's. A request whose key was used with another body, that names a parent that
    is not there, whose unique key is another job's, or that is beyond its owner's quota, gets the
    error in its place and inserts nothing.
    """
    answers: list[Submitted | TenureError] = [Submitted() for _ in submissions]
    wrong = _wrong(unit, submissions)
    keyed = any(s.key or any(job.idempotency_key for job in s.jobs) for s in submissions)
    if keyed or wrong:
        _guard(unit, submissions, answers, wrong)
    unique = any(job.spec.options.unique for s in submissions for job in s.jobs)
    replacements = exclude(unit, submissions, answers) if unique else []
    groups: list[_Alike] = []
    for submission, answer in zip(submissions, answers, strict=True):
        if isinstance(answer, TenureError) or answer.replayed is not None:
            continue
        seen = answer.existing.keys() | answer.refused.keys()
        jobs = submission.jobs
        if seen:
            jobs = [job for place, job in enumerate(jobs) if place not in seen]
        if submission.tied:
            tie(unit, jobs, submission.workflow)
        groups += _alike(unit, jobs, submission)
    _insert(unit, groups)
    for item in replacements:
        wanted = Edit(item.changes(), payload=item.job.payload)
        owner = item.job.owner_id
        edit(unit, item.job_id, wanted, Action(owner or "local", "submitted again", owner))
    return answers


_Wrong = dict[int, dict[int, TenureError]]
"""What is wrong with jobs, by the place of their submission and their own."""


def _wrong(unit: Unit, submissions: list[Submission]) -> _Wrong:
    wrong = beyond(unit, submissions)
    for place, s in enumerate(submissions):
        if s.tied and s.jobs:
            found = unfit(unit, s.jobs, s.only, s.pointer)
            if found:
                wrong[place] = wrong.get(place, {}) | found
    return wrong


@dataclass(slots=True)
class _Alike:
    """Neighbours that share all but id and payload, and what they share, column by column. With
    `fired` each has its own schedule and nominal time too."""

    jobs: list[NewJob]
    wide: dict[str, Any]
    narrow: dict[str, Any]
    fired: bool = False


def _alike(unit: Unit, jobs: list[NewJob], s: Submission) -> list[_Alike]:
    groups: list[_Alike] = []
    start = 0
    for end in range(1, len(jobs) + 1):
        if (
            end == len(jobs)
            or jobs[end].spec is not jobs[start].spec
            or (s.fired and jobs[end].owner_id != jobs[start].owner_id)
            or (s.tied and not _alike_tied(jobs[end], jobs[start]))
        ):
            groups.append(_shared(unit, jobs[start:end], s))
            start = end
    return groups


def _alike_tied(one: NewJob, other: NewJob) -> bool:
    return one.ties == other.ties and one.waits == other.waits


def _begin(unit: Unit, jobs: list[NewJob], run_at: int) -> JobState:
    """Where jobs of one spec start, noted on the unit."""
    spec, options = jobs[0].spec, jobs[0].spec.options
    facts = Circumstances(
        due_later=run_at > unit.now,
        edge_open=bool(jobs[0].waits),
        key_full=options.concurrency_key is not None,
    )
    state = ready(facts)
    if options.concurrency_key is not None:
        unit.contended.add(options.concurrency_key)
    unit.count(spec.queue, spec.type, "submitted", len(jobs))
    if state is JobState.PENDING:
        unit.ready[spec.queue, spec.type] += len(jobs)
    elif state is JobState.SCHEDULED:
        unit.schedule(run_at)
    if options.expires_at is not None:
        unit.schedule(options.expires_at)
    return state


def _shared(unit: Unit, jobs: list[NewJob], s: Submission) -> _Alike:
    spec = jobs[0].spec
    options = spec.options
    run_at = max(options.run_at or 0, s.at)
    waits = jobs[0].waits
    state = _begin(unit, jobs, run_at)
    wide = {
        "type": spec.type,
        "queue": spec.queue,
        "name": spec.name,
        "priority": spec.priority,
        "created_at": s.at,
        "options": encode_options(options),
        "tags": json_text(spec.tags) if spec.tags else None,
        "owner_id": jobs[0].owner_id,
        "schedule_id": jobs[0].schedule_id,
        "nominal_at": jobs[0].nominal_at,
    }
    narrow = {
        "queue": spec.queue,
        "type": spec.type,
        "state": state.value,
        "reason": waiting_reason(state, bool(waits)),
        "rank": ranked(unit, spec.queue, run_at, spec.priority),
        "run_at": run_at,
        "expires_at": options.expires_at,
        "max_attempts": options.max_attempts,
        "ties": int(jobs[0].ties | options.ties),
        "waits": waits,
        "concurrency_key": options.concurrency_key,
        "owner_id": jobs[0].owner_id,
        "schedule_id": jobs[0].schedule_id,
    }
    return _Alike(jobs, wide, narrow, s.fired)


def _insert(unit: Unit, groups: list[_Alike]) -> None:
    """Two statements a group while groups are few: what they share travels once. Else two for
    all rows."""
    if len(groups) <= _FEW_GROUPS and not any(group.fired for group in groups):
        for group in groups:
            rows = [(job.id, job.payload) for job in group.jobs]
            unit.execute(_insert_jobs_alike(unit.dialect), rows, **group.wide)
            keys = [(job.id,) for job in group.jobs]
            unit.execute(_insert_active_alike(unit.dialect), keys, **group.narrow)
        return
    wide = [
        (job.id, job.payload, *values, job.schedule_id, job.nominal_at)
        for group in groups
        for values in (tuple(group.wide.values())[:-2],)
        for job in group.jobs
    ]
    narrow = [
        (job.id, *values, job.schedule_id)
        for group in groups
        for values in (tuple(group.narrow.values())[:-1],)
        for job in group.jobs
    ]
    unit.execute(_insert_jobs(unit.dialect), wide)
    unit.execute(_insert_active(unit.dialect), narrow)


_FEW_GROUPS = 8
_WIDE = (
    "type", "queue", "name", "priority", "created_at", "options", "tags", "owner_id",
    "schedule_id", "nominal_at",
)  # fmt: skip
_NARROW = (
    "queue", "type", "state", "reason", "rank", "run_at", "expires_at", "max_attempts", "ties",
    "waits", "concurrency_key", "owner_id", "schedule_id",
)  # fmt: skip
_ZEROS = ("attempt", "lost", "releases", "snoozes", "fence")


def _bound(table: sa.Table, names: tuple[str, ...]) -> list[sa.ColumnElement[Any]]:
    return [sa.bindparam(name, type_=table.c[name].type) for name in names]


def _into_jobs(values: list[Any]) -> sa.Executable:
    return sa.insert(t.jobs).from_select(
        ["id", "payload", *_WIDE, "version"], sa.select(*values, sa.literal_column("1"))
    )


def _into_active(values: list[Any]) -> sa.Executable:
    zeros: list[Any] = [sa.literal_column("0") for _ in _ZEROS]
    return sa.insert(t.active_jobs).from_select(
        ["job_id", *_NARROW, *_ZEROS], sa.select(*values, *zeros)
    )


@cache
def _insert_jobs_alike(dialect: Dialect) -> sa.Executable:
    batch = dialect.batch(t.jobs.c.id, t.jobs.c.payload)
    return _into_jobs([*batch.c, *_bound(t.jobs, _WIDE)])


@cache
def _insert_active_alike(dialect: Dialect) -> sa.Executable:
    batch = dialect.batch(t.active_jobs.c.job_id)
    return _into_active([*batch.c, *_bound(t.active_jobs, _NARROW)])


@cache
def _insert_jobs(dialect: Dialect) -> sa.Executable:
    c = t.jobs.c
    return _into_jobs([*dialect.batch(c.id, c.payload, *(c[name] for name in _WIDE)).c])


@cache
def _insert_active(dialect: Dialect) -> sa.Executable:
    c = t.active_jobs.c
    return _into_active([*dialect.batch(c.job_id, *(c[name] for name in _NARROW)).c])


_Key = tuple[str, str]
_Holder = tuple[str, str, str | None]
"""Owner and key, and who holds it: digest, (first) job id, answer."""


def _wants(s: Submission) -> Iterator[tuple[_Key, _Holder]]:
    """The keys of a request, each with what it would store there."""
    if s.key is not None:
        yield (s.owner, s.key), (s.digest, s.jobs[0].id if s.jobs else "", s.answer)
    for job in s.jobs:
        if job.idempotency_key is not None:
            yield (s.owner, job.idempotency_key), (job.digest or "", job.id, None)


def _guard(
    unit: Unit,
    submissions: list[Submission],
    answers: list[Submitted | TenureError],
    wrong: _Wrong,
) -> None:
    """Take the keys; what was there before decides. First come in the transaction wins, and what
    a refused request has taken goes to the next that wants it. A request with something wrong
    takes none."""
    wanted: dict[_Key, _Holder] = {}
    asked: set[_Key] = set()
    for place, s in enumerate(submissions):
        for key, holder in _wants(s):
            asked.add(key)
            if place not in wrong:
                wanted.setdefault(key, holder)
    unit.execute(take_keys(unit.dialect), _key_rows(unit, wanted))
    held: dict[_Key, _Holder] = {
        (row[0], row[1]): tuple(row[2:])
        for row in unit.rows(held_keys(unit.dialect), sorted(asked))
    }
    freed: dict[_Key, _Holder | None] = {}
    for place, s in enumerate(submissions):
        found = wrong.get(place, {})
        for key, holder in _wants(s):
            if place not in wrong and key in freed and freed[key] is None:
                freed[key] = held[key] = holder
        answers[place] = judged = _judge(s, held, found)
        if isinstance(judged, InvalidInput) and place not in wrong:
            own = {job.id for job in s.jobs}
            freed |= {key: None for key, _ in _wants(s) if held[key][1] in own}
        elif isinstance(judged, Submitted) and place in wrong:
            freed |= _late_keys(s, judged, held)
    if freed:
        unit.execute(drop_keys(unit.dialect), sorted(freed))
        taken = {key: holder for key, holder in freed.items() if holder is not None}
        unit.execute(take_keys(unit.dialect), _key_rows(unit, taken))


def _late_keys(
    s: Submission, judged: Submitted, held: dict[_Key, _Holder]
) -> dict[_Key, _Holder | None]:
    """The keys that the good jobs of a request take though others of it are wrong."""
    late: dict[_Key, _Holder | None] = {}
    for index, job in enumerate(s.jobs):
        if job.idempotency_key is None or index in judged.refused or index in judged.existing:
            continue
        key = (s.owner, job.idempotency_key)
        late[key] = held[key] = (job.digest or "", job.id, None)
    return late


def _key_rows(unit: Unit, wanted: dict[_Key, _Holder]) -> list[tuple[Any, ...]]:
    return [(*key, *holder, unit.now) for key, holder in sorted(wanted.items())]


def _judge(
    s: Submission, held: dict[_Key, _Holder], wrong: dict[int, TenureError]
) -> Submitted | TenureError:
    answer = Submitted()
    holder = held.get((s.owner, s.key)) if s.key is not None else None
    if holder is not None:
        digest, job_id, stored = holder
        mine = bool(s.jobs) and job_id == s.jobs[0].id
        if digest != s.digest:
            return IdempotencyMismatch("Idempotency-Key was used before with another request")
        if not mine:
            answer.replayed = stored
            if stored is None:  # the key came with an item of a batch, which stores no answer
                answer.existing[0] = job_id
            return answer
    for index, job in enumerate(s.jobs):
        found = None
        if job.idempotency_key is not None:
            found = held.get((s.owner, job.idempotency_key))
        if found is not None and found[0] != (job.digest or ""):
            answer.refused[index] = _used_before(index)
        elif found is not None and found[1] != job.id:
            answer.existing[index] = found[1]
        elif index in wrong:
            answer.refused[index] = wrong[index]
    if answer.refused and s.atomic:
        return answer.refused[min(answer.refused)]
    return answer


def _used_before(place: int) -> IdempotencyMismatch:
    pointer, detail = f"/{place}/idempotency_key", "was used before with another job"
    return IdempotencyMismatch(f"{pointer[1:]}: {detail}", errors=(FieldError(pointer, detail),))
