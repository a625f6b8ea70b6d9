from __future__ import annotations

import json

import pytest

from tenure.domain.errors import FieldError, LeaseLost, TenureError, TooMany, by_code
from tenure.wire import base, problem


@pytest.mark.parametrize("cls", list(by_code().values()))
def test_every_error_comes_back_as_itself(cls: type[TenureError]) -> None:
    error = cls("what happened", errors=(FieldError("/a", "wrong"), FieldError("", "also")))
    body = base.encode(problem.from_error(error, 400))
    back = problem.to_error(body, 400, retry_after=2.5)
    assert type(back) is cls
    assert (back.detail, back.errors, back.retry_after) == (error.detail, error.errors, 2.5)


def test_a_problem_has_the_members_of_the_standard() -> None:
    body = json.loads(base.encode(problem.from_error(LeaseLost("gone"), 409)))
    assert body["type"].endswith("/lease_lost")
    del body["type"]
    assert body == {
        "title": "Lease lost",
        "status": 409,
        "detail": "gone",
        "code": "lease_lost",
        "errors": [],
    }


def test_a_code_from_a_newer_coordinator_is_still_an_error() -> None:
    body = base.encode(problem.from_error(TooMany("slow down"), 429)).replace(
        b"too_many", b"too_wild"
    )
    back = problem.to_error(body, 429, 1.0)
    assert type(back) is TenureError
    assert (back.detail, back.retry_after) == ("slow down", 1.0)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"detail":5}', b"\xff", b'{"a":1}'])
def test_an_answer_that_is_no_problem_of_ours(body: bytes) -> None:
    back = problem.to_error(body, 502)
    assert type(back) is TenureError
    assert back.detail == "HTTP 502"
