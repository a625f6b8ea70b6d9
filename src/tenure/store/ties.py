"""What follows when a job ends: everything tied to it is let go in the same transaction.

Every verb that ends jobs says so through `end`, after its own writes. What other jobs gain by it is
worked out once for the whole transaction, by `settle`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tenure.domain.job import Tie
from tenure.store.admission import admit, note_room
from tenure.store.checkpoints import drop_checkpoints
from tenure.store.dependents import resolve
from tenure.store.outbox import note_ended
from tenure.store.uniqueness import let_go
from tenure.store.unit import Ended, Unit
from tenure.store.workflow_counts import count_jobs

_FELT_BY_OTHERS = Tie.CHILDREN | Tie.CONCURRENCY_KEY | Tie.WORKFLOW


def end(unit: Unit, jobs: Sequence[Ended]) -> None:
    """Note that these jobs ended, and let go what is tied to each of them alone."""
    unit.finished += [job[0] for job in jobs]
    if unit.watched:
        note_ended(unit, jobs)
    tied = [job for job in jobs if job[2]]
    if tied:
        drop_checkpoints(unit, [job_id for job_id, _, ties in tied if ties & Tie.CHECKPOINT])
        let_go(unit, [job_id for job_id, _, ties in tied if ties & Tie.UNIQUE_KEY])
        unit.ended += [job for job in tied if job[2] & _FELT_BY_OTHERS]


def settle(unit: Unit) -> None:
    """Let other jobs feel what this transaction did, after all its verbs.

    In order: edges (children ascending by id), counts of workflows, admission by concurrency keys
    (ascending). Nothing for jobs tied to nothing.
    """
    if unit.ended or unit.closed or unit.reopened:
        _settle_workflows(unit)
    if unit.contended:
        admit(unit)


def _settle_workflows(unit: Unit) -> None:
    parents = [job for job in unit.ended if job[2] & Tie.CHILDREN]
    if parents or unit.closed:
        end(unit, resolve(unit, parents))
    ended, unit.ended = unit.ended, []
    note_room(unit, [job_id for job_id, _, ties in ended if ties & Tie.CONCURRENCY_KEY])
    reopened, unit.reopened = unit.reopened, []
    counted = [(job_id, state.value, 1) for job_id, state, ties in ended if ties & Tie.WORKFLOW]
    count_jobs(unit, counted + [(job_id, state.value, -1) for job_id, state in reopened])
