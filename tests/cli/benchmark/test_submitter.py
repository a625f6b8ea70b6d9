from __future__ import annotations

import json

import pytest

from tenure.cli.benchmark import submitter


def order(jobs: int, jobs_per_request: int) -> submitter.Order:
    return submitter.Order(
        url="http://x",
        queue="q",
        type="t",
        jobs=jobs,
        jobs_per_request=jobs_per_request,
        connections=1,
        payload_bytes=100,
    )


@pytest.mark.parametrize("number", [0, 9, 99_999, 10**12])
def test_payload_has_its_size_and_number(number: int) -> None:
    raw = bytes(submitter.payload(number, 100))
    assert len(raw) == 100
    assert json.loads(raw)["number"] == number


def test_batches_hold_every_job_once_first_and_last_marked() -> None:
    batches = [json.loads(body) for body in submitter.bodies(order(7, 3))]
    assert [len(batch) for batch in batches] == [3, 3, 1]
    jobs = [job for batch in batches for job in batch]
    assert [job["payload"]["number"] for job in jobs] == list(range(7))
    priorities = [job.get("priority", 0) for job in jobs]
    assert priorities == [submitter.FIRST, 0, 0, 0, 0, 0, submitter.LAST]


def test_one_by_one_is_an_object_each() -> None:
    singles = [json.loads(body) for body in submitter.bodies(order(3, 0))]
    assert [job["payload"]["number"] for job in singles] == [0, 1, 2]
    assert all(job["type"] == "t" and job["queue"] == "q" for job in singles)
