"""Submitting on both databases."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.store import tables as t
from tenure.store.submits import Submission, submit
from tests.builders import new_jobs
from tests.store.opened import OpenedStore


def test_submits_all(store: OpenedStore) -> None:
    jobs = new_jobs(3)
    store.run(submit, [Submission(jobs, store.now)])
    ids = [row[0] for row in store.rows(sa.select(t.jobs.c.id).order_by(t.jobs.c.id))]
    assert ids == [job.id for job in jobs]
