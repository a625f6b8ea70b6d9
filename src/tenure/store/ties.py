"""What follows when a job ends: everything tied to it is let go in the same transaction.

Every verb that ends jobs says so through `end`, after its own writes.
"""

from __future__ import annotations

from collections.abc import Sequence

from tenure.domain.job import Tie
from tenure.domain.lifecycle import JobState
from tenure.store.checkpoints import drop_checkpoints
from tenure.store.unit import Unit

Ended = tuple[str, JobState, int]
"""A job that reached a final state: its id, that state, its ties."""


def end(unit: Unit, jobs: Sequence[Ended]) -> None:
    """Note that these jobs ended, and let go what is tied to each of them alone."""
    unit.finished += [job[0] for job in jobs]
    tied = [job for job in jobs if job[2]]
    if tied:
        drop_checkpoints(unit, [job_id for job_id, _, ties in tied if ties & Tie.CHECKPOINT])
