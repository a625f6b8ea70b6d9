"""Errors as problem+json."""

from __future__ import annotations

import json

import pytest

from tenure.api import problems
from tenure.domain import errors as e

RAISED_ELSEWHERE = {"unreachable", "wait_timeout", "configuration_error", "error"}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("invalid_input", 422), ("unknown_field", 422), ("idempotency_mismatch", 422),
        ("malformed_body", 400), ("too_deep", 400), ("unsupported_media_type", 415),
        ("too_large", 413), ("not_found", 404), ("job_not_found", 404), ("run_not_found", 404),
        ("worker_not_found", 404), ("queue_not_found", 404), ("worker_unknown", 404),
        ("method_not_allowed", 405), ("conflict", 409), ("lease_lost", 409),
        ("version_conflict", 409), ("illegal_transition", 409), ("precondition_failed", 412),
        ("unauthenticated", 401), ("forbidden", 403), ("too_many", 429), ("unavailable", 503),
        ("internal_error", 500),
    ],
)  # fmt: skip
def test_every_error_has_its_status(code: str, status: int) -> None:
    assert problems.status_of(e.by_code()[code]("x")) == status


def test_no_error_of_the_server_is_left_out() -> None:
    named = {cls.code for cls in problems.STATUSES}
    for code, cls in e.by_code().items():
        if code not in RAISED_ELSEWHERE:
            assert problems.status_of(cls("x")) < 500 or code in {"unavailable", "internal_error"}
    assert "error" in named


def test_a_problem_names_its_fields() -> None:
    error = e.InvalidInput("a: wrong", errors=(e.FieldError("/a", "wrong"),))
    answer = problems.response(error)
    assert (answer.status_code, answer.media_type) == (422, "application/problem+json")
    assert json.loads(answer.content) == {
        "type": "https://tenure.dev/errors/invalid_input",
        "title": "Invalid input",
        "status": 422,
        "detail": "a: wrong",
        "code": "invalid_input",
        "errors": [{"pointer": "/a", "detail": "wrong"}],
    }


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (e.TooMany("x", retry_after=0.2), "1"), (e.Unavailable("x", retry_after=2.5), "3"),
        (e.TooMany("x"), "1"),
    ],
)  # fmt: skip
def test_come_back_in_whole_seconds(error: e.TenureError, seconds: str) -> None:
    assert problems.response(error).headers["Retry-After"] == seconds


def test_other_errors_say_nothing_of_coming_back() -> None:
    assert "Retry-After" not in problems.response(e.NotFound("x", retry_after=3)).headers
