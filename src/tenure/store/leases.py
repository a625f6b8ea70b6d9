"""Leases: claiming, renewing, releasing. Every claim makes a new fence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from tenure.domain.errors import InvalidInput, WorkerUnknown
from tenure.domain.job import Tie
from tenure.domain.lease import LeaseTerms
from tenure.store import tables as t
from tenure.store.checkpoints import checkpoints
from tenure.store.dialect import Dialect
from tenure.store.governing import Governor, governed_queues
from tenure.store.kin import Kin, kin
from tenure.store.lanes import pending
from tenure.store.options import decode_options
from tenure.store.unit import Lane, Unit

_NAMES = msgspec.json.Decoder(list[str])


MAX_CLAIMED = 500
"""Jobs one claim takes at most, whatever its slots: an answer has a bound."""
MAX_LEASED = 1_000
"""Jobs that all claims of the same lanes in one transaction take together."""


@dataclass(slots=True)
class Claim:
    """A worker asks for up to `slots` jobs of these queues and types."""

    worker_id: str
    queues: tuple[str, ...]
    types: tuple[str, ...]
    slots: int

    def lanes(self) -> tuple[Lane, ...]:
        return tuple((queue, type_) for queue in self.queues for type_ in self.types)


@dataclass(slots=True)
class Claimed:
    """`rows` in order of claim, each: job_id, fence, attempt, max_attempts, type, name, queue,
    payload, tags (JSON text or None), timeout_seconds, checkpoint (JSON text or None), kin or
    None, traceparent or None."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    cancels: list[tuple[str, int, str | None]] = field(default_factory=list)
    drain: bool = False


@dataclass(slots=True)
class _Candidate:
    claim: Claim
    free: int
    answer: Claimed


def claim(
    unit: Unit, claims: list[Claim], terms: LeaseTerms
) -> list[Claimed | WorkerUnknown | InvalidInput]:
    """Lease pending jobs to workers, by rank then id.

    Claims of the same lanes share one read of the ready index, bounded by the sum of their slots,
    and by what governed queues give. Locks the rows it takes, of those queues and of jobs, SKIP
    LOCKED, so coordinators never wait for each other. Not repeatable: each call makes new fences.
    """
    known = _workers(unit, claims)
    answers: list[Claimed | WorkerUnknown | InvalidInput] = []
    left = {worker_id: row[3] - row[5] for worker_id, row in known.items()}
    groups: dict[tuple[Lane, ...], list[_Candidate]] = defaultdict(list)
    for item in claims:
        worker = known.get(item.worker_id)
        if worker is None:
            answers.append(WorkerUnknown("this worker is not registered"))
            continue
        refusal = _refusal(item, worker)
        if refusal is not None:
            answers.append(refusal)
            continue
        answer = Claimed(drain=bool(worker[4]))
        answers.append(answer)
        free = min(item.slots, left[item.worker_id], MAX_CLAIMED)
        if free > 0 and not answer.drain:
            left[item.worker_id] -= free
            groups[item.lanes()].append(_Candidate(item, free, answer))
    governor = Governor(unit, [row[7] for row in known.values()])
    for lanes, candidates in groups.items():
        _lease(unit, governor, lanes, candidates, terms)
    governor.write()
    cancelling = {row[0] for row in known.values() if row[6]}
    if cancelling:
        _add_cancels(unit, cancelling, claims, answers)
    return answers


def _workers(unit: Unit, claims: list[Claim]) -> dict[str, Any]:
    ids = sorted({item.worker_id for item in claims})
    rows = unit.rows(_read_workers(unit.dialect), [(worker_id,) for worker_id in ids])
    return {row[0]: row for row in rows}


def _refusal(item: Claim, worker: Any) -> InvalidInput | None:
    """A worker gets only what it registered (invariant I12)."""
    for pointer, asked, offered in (
        ("queues", item.queues, _NAMES.decode(worker[1])),
        ("types", item.types, [entry["name"] for entry in msgspec.json.decode(worker[2])]),
    ):
        foreign = set(asked).difference(offered)
        if foreign:
            return InvalidInput.field(pointer, f"{min(foreign)} was not registered by this worker")
    return None


@cache
def _read_workers(dialect: Dialect) -> sa.Select[Any]:
    c, a = t.workers.c, t.active_jobs.c
    batch = dialect.batch(c.id)
    held = (
        sa.select(sa.func.count())
        .select_from(t.active_jobs)
        .where(a.worker_id == c.id)
        .scalar_subquery()
    )
    cancelling = (
        sa.select(sa.func.count())
        .select_from(t.active_jobs)
        .where(a.worker_id == c.id, t.CANCELLING)
        .scalar_subquery()
    )
    return dialect.read(
        sa.select(
            c.id,
            c.queues,
            c.types,
            c.slots,
            c.drain_requested,
            held.label("held"),
            cancelling.label("cancelling"),
            governed_queues(dialect).label("governed"),
        )
        .join_from(batch, t.workers, c.id == batch.c.id)
        .where(c.state != "gone")
    )


def _lease(
    unit: Unit,
    governor: Governor,
    lanes: tuple[Lane, ...],
    candidates: list[_Candidate],
    terms: LeaseTerms,
) -> None:
    wanted = sum(candidate.free for candidate in candidates)
    rows = pending(unit, lanes, min(wanted, MAX_LEASED), governor.room(lanes))
    if not rows:
        return
    governor.take(rows)
    saved = checkpoints(unit, [row[0] for row in rows if row[10] & Tie.CHECKPOINT])
    around = _kin(unit, rows)
    rules = {text: decode_options(text) for text in {row[9] for row in rows}}
    timeouts = {text: options.timeout_seconds for text, options in rules.items()}
    traces = {text: options.traceparent for text, options in rules.items()}
    for candidate, taken in _deal(candidates, rows):
        candidate.answer.rows += [
            (*row[:9], timeouts[row[9]], saved.get(row[0]), around.get(row[0]), traces[row[9]])
            for row in taken
        ]
        counted, plain = _apart(taken, governor)
        _grant_all(unit, candidate.claim.worker_id, plain, timeouts, terms)
        _grant_all(unit, candidate.claim.worker_id, counted, timeouts, terms, counted=True)
    waiting: dict[Lane, list[int]] = defaultdict(list)
    for row in rows:
        waiting[row[6], row[4]].append(unit.now - row[11])
    for lane, spans in waiting.items():
        unit.observe(lane, "delay", spans)
        unit.ready[lane] -= len(spans)


def _apart(rows: list[Any], governor: Governor) -> tuple[list[Any], list[Any]]:
    """Those that count against what their queue may run, and the others."""
    counted = [row for row in rows if governor.counts(row[6])] if governor.gives else []
    return counted, [row for row in rows if not governor.counts(row[6])] if counted else rows


def _kin(unit: Unit, rows: list[Any]) -> dict[str, Kin]:
    tied = [row for row in rows if row[10] & (Tie.WORKFLOW | Tie.PARENTS)]
    if not tied:
        return {}
    members = [row[0] for row in tied if row[10] & Tie.WORKFLOW]
    return kin(unit, members, [row[0] for row in tied if row[10] & Tie.PARENTS])


def _grant_all(
    unit: Unit,
    worker_id: str,
    rows: list[Any],
    timeouts: dict[str | None, float | None],
    terms: LeaseTerms,
    *,
    counted: bool = False,
) -> None:
    """Lease rows to one worker: a statement for each timeout among them."""
    alike: dict[float | None, list[tuple[str]]] = defaultdict(list)
    for row in rows:
        alike[timeouts[row[9]]].append((row[0],))
    for timeout, leased in alike.items():
        deadline = None if timeout is None else terms.deadline_at(unit.now, timeout)
        expires = terms.expires_at(unit.now, deadline)
        terms_of_group = {"worker_id_": worker_id, "expires": expires, "deadline": deadline}
        unit.execute(_grant(unit.dialect, counted), leased, now=unit.now, **terms_of_group)


def _deal(candidates: list[_Candidate], rows: list[Any]) -> list[tuple[_Candidate, list[Any]]]:
    """Who gets which rows: one free slot after the other, round the candidates."""
    if len(candidates) == 1:
        return [(candidates[0], rows)]
    dealt: list[tuple[_Candidate, list[Any]]] = [(candidate, []) for candidate in candidates]
    for row, place in zip(
        rows, _rounds([candidate.free for candidate in candidates]), strict=False
    ):
        dealt[place][1].append(row)
    return [share for share in dealt if share[1]]


def _rounds(free: list[int]) -> Iterator[int]:
    """Places in turn, each as often as it has free slots."""
    places = [place for place, slots in enumerate(free) if slots > 0]
    while places:
        for place in places:
            yield place
            free[place] -= 1
        places = [place for place in places if free[place] > 0]


@cache
def _grant(dialect: Dialect, counted: bool) -> sa.Executable:
    a = t.active_jobs.c
    batch = dialect.batch(a.job_id)
    bit: sa.ColumnElement[int] = sa.literal_column(str(int(Tie.QUEUE)))
    granted = (
        sa.update(t.active_jobs)
        .where(a.job_id.in_(sa.select(batch.c.job_id)))
        .values(
            state=sa.literal_column("'running'"),
            reason=sa.null(),
            fence=a.fence + sa.literal_column("1"),
            attempt=a.attempt + sa.literal_column("1"),
            worker_id=sa.bindparam("worker_id_", type_=t.Uuid),
            lease_expires_at=sa.bindparam("expires", type_=t.Micros),
            deadline_at=sa.bindparam("deadline", type_=t.Micros),
            started_at=sa.bindparam("now", type_=t.Micros),
            progress=sa.null(),
        )
    )
    return granted.values(ties=a.ties.bitwise_or(bit)) if counted else granted


def _add_cancels(
    unit: Unit,
    cancelling: set[str],
    claims: list[Claim],
    answers: list[Claimed | WorkerUnknown | InvalidInput],
) -> None:
    found = cancels(unit, cancelling)
    for item, answer in zip(claims, answers, strict=True):
        if isinstance(answer, Claimed):
            answer.cancels = found.get(item.worker_id, [])


def cancels(unit: Unit, worker_ids: set[str]) -> dict[str, list[tuple[str, int, str | None]]]:
    """Leases of these workers whose cancel was requested: (job_id, fence, reason) by worker."""
    rows = unit.rows(
        _read_cancels(unit.dialect), [(worker_id,) for worker_id in sorted(worker_ids)]
    )
    found: dict[str, list[tuple[str, int, str | None]]] = defaultdict(list)
    for worker_id, job_id, fence, reason in rows:
        found[worker_id].append((job_id, fence, reason))
    return found


@cache
def _read_cancels(dialect: Dialect) -> sa.Select[Any]:
    a = t.active_jobs.c
    batch = dialect.batch(a.worker_id)
    return dialect.read(
        sa.select(a.worker_id, a.job_id, a.fence, a.cancel_reason)
        .join_from(batch, t.active_jobs, a.worker_id == batch.c.worker_id)
        .where(t.CANCELLING)
    )
