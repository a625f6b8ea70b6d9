from __future__ import annotations

import json

from tenure.coordinator import receipts
from tenure.domain.clock import SECOND
from tenure.domain.errors import FieldError, InvalidInput
from tenure.wire.base import encode
from tests.builders import NOW, new_job
from tests.coordinator.test_present import as_it_is


def test_a_new_job_is_pending_or_scheduled() -> None:
    now = json.loads(encode(receipts.created(new_job(payload="1.10"), NOW, as_it_is)))
    assert (now["status"], now["reason"], now["version"]) == ("pending", None, 1)
    assert b'"payload":1.10' in encode(receipts.created(new_job(payload="1.10"), NOW, as_it_is))
    assert now["run_at"] == now["created_at"] == "2026-11-21T12:00:00.000000Z"
    later = receipts.created(new_job(run_at=NOW + SECOND), NOW, as_it_is)
    assert (later.status, later.reason) == ("scheduled", "run_at")
    past = receipts.created(new_job(run_at=NOW - SECOND), NOW, as_it_is)
    assert (past.status, past.run_at) == ("pending", past.created_at)


def test_the_id_of_a_stored_answer() -> None:
    job = new_job()
    assert receipts.id_of(encode(receipts.created(job, NOW, as_it_is))) == job.id


def test_a_refusal_is_said_like_a_problem() -> None:
    error = InvalidInput("a: no", errors=(FieldError("/a", "no"),))
    assert json.loads(encode(receipts.refusal(error))) == {
        "code": "invalid_input",
        "title": "Invalid input",
        "detail": "a: no",
        "errors": [{"pointer": "/a", "detail": "no"}],
    }
