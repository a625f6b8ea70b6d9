"""Rows as answers."""

from __future__ import annotations

from typing import Any

import msgspec

from tenure.coordinator import present
from tenure.domain.job import OnLost
from tenure.domain.retry import RetryPolicy, Strategy
from tenure.store.history import EventRow, LineRow
from tenure.store.options import encode_options
from tenure.store.reads import JobRow, RunRow
from tenure.store.upcoming import UpcomingRow
from tenure.wire.base import encode
from tests.builders import NOW, OTHER_WORKER, WORKER, job_options

AT = "2026-11-21T12:00:00.000000Z"


def as_it_is(_: str, payload: str) -> str:
    return payload


def row(**changes: Any) -> JobRow:
    values: dict[str, Any] = dict.fromkeys(JobRow._fields)
    values |= {
        "id": WORKER, "type": "echo", "queue": "default", "priority": 0, "payload": "null",
        "created_at": NOW, "version": 1, "state": "pending", "attempt": 0, "lost": 0,
        "run_at": NOW, "max_attempts": 4,
    } | changes  # fmt: skip
    return JobRow(**values)


def shown(**changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.json.decode(encode(present.job(row(**changes), as_it_is)))
    return answer


def test_a_plain_job_has_every_field() -> None:
    assert shown() == {
        "id": WORKER, "name": None, "type": "echo", "queue": "default", "status": "pending",
        "reason": None, "priority": 0, "payload": None, "result": None, "error": None,
        "attempt": 0, "max_attempts": 4, "lost": 0, "progress": None, "tags": [], "run_at": AT,
        "expires_at": None, "created_at": AT, "started_at": None, "finished_at": None,
        "worker_id": None, "owner_id": None, "workflow_id": None, "key": None,
        "depends_on": None, "join": None, "schedule_id": None, "nominal_at": None,
        "on_lost": "retry", "timeout_seconds": None,
        "retry_policy": {
            "strategy": "exponential", "initial_delay_seconds": 2.0, "multiplier": 2.0,
            "max_delay_seconds": 3600.0, "jitter": 0.2,
        },
        "retry_until": None, "unique": None, "concurrency_key": None, "traceparent": None,
        "cancel_requested": False, "version": 1,
    }  # fmt: skip


def test_payload_and_result_keep_their_bytes() -> None:
    number = '{"n":1.10,"big":123456789012345678901234567890}'
    body = encode(present.job(row(payload=number, result=number), as_it_is))
    assert b'"payload":' + number.encode() + b"," in body
    assert b'"result":' + number.encode() + b"," in body


def test_options_progress_tags_and_error() -> None:
    options = job_options(
        timeout_seconds=5.0,
        on_lost=OnLost.FAIL,
        expires_at=NOW,
        retry_policy=RetryPolicy(Strategy.FIXED, 1.0),
    )
    found = shown(
        options=encode_options(options),
        progress='{"fraction":0.5}',
        tags='["a","b"]',
        error='{"type":"ValueError","message":"no","traceback":null}',
        cancel_requested=1,
    )
    assert (found["timeout_seconds"], found["on_lost"], found["expires_at"]) == (5.0, "fail", AT)
    assert found["retry_policy"]["strategy"] == "fixed"
    assert found["progress"] == {"fraction": 0.5, "message": None}
    assert found["tags"] == ["a", "b"]
    assert found["error"] == {"type": "ValueError", "message": "no", "traceback": None}
    assert found["cancel_requested"] is True


def test_an_error_with_fields_left_out_is_still_shown() -> None:
    assert shown(error="{}")["error"] == {"type": "Error", "message": "", "traceback": None}


def test_a_finished_job_says_when_it_was_first_due_and_what_it_was_allowed() -> None:
    later = encode_options(job_options(run_at=NOW + 1_000_000, max_attempts=2))
    ended = {"state": "failed", "run_at": None, "max_attempts": None, "finished_at": NOW}
    found = shown(**ended, options=later, attempt=5)
    assert (found["run_at"], found["max_attempts"]) == ("2026-11-21T12:00:01.000000Z", 5)
    assert (found["finished_at"], shown(**ended)["run_at"]) == (AT, AT)


def test_etag_is_the_version() -> None:
    assert present.etag(present.job(row(version=12), as_it_is)) == '"12"'


def test_a_run_a_line_an_event_and_an_upcoming_job() -> None:
    run = present.run(RunRow(3, 2, OTHER_WORKER, NOW, None, None, None, "[1.0]"))
    assert msgspec.json.decode(encode(run)) == {
        "attempt": 2, "fence": 3, "worker_id": OTHER_WORKER, "outcome": None, "started_at": AT,
        "finished_at": None, "error": None, "result": [1.0],
    }  # fmt: skip
    line = present.line(LineRow(1, 0, NOW, "info", "x"))
    assert msgspec.json.decode(encode(line)) == {
        "fence": 1, "index": 0, "at": AT, "level": "info", "text": "x",
    }  # fmt: skip
    event = present.event(EventRow(WORKER, NOW, "edit", "ann", None, '{"version":2}'))
    assert msgspec.json.decode(encode(event)) == {
        "at": AT, "event": "edit", "actor": "ann", "reason": None, "detail": {"version": 2},
    }  # fmt: skip
    upcoming = present.upcoming(UpcomingRow(WORKER, "q", "t", 5, NOW, 1))
    assert msgspec.json.decode(encode(upcoming)) == {
        "job_id": WORKER, "queue": "q", "type": "t", "priority": 5, "run_at": AT,
    }  # fmt: skip
