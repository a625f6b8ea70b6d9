from __future__ import annotations

import pytest

from tenure.cli.exits import Exit, code_of, code_of_job, tell
from tenure.domain import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.TenureError("x"), 1),
        (errors.ConfigurationError("x"), 1),
        (errors.TooLarge("x"), 1),
        (errors.UnknownField("x"), 2),
        (errors.JobNotFound("x"), 5),
        (errors.IllegalTransition("x"), 6),
        (errors.PreconditionFailed("x"), 6),
        (errors.Unauthenticated("x"), 7),
        (errors.Forbidden("x"), 7),
        (errors.Unreachable("x"), 8),
        (errors.Unavailable("x"), 8),
        (errors.WaitTimeout("x"), 124),
    ],
)
def test_codes_of_errors(error: errors.TenureError, code: int) -> None:
    assert code_of(error) == code


def test_codes_of_jobs() -> None:
    codes = {
        word: code_of_job(word)
        for word in ("completed", "failed", "expired", "skipped", "cancelled")
    }
    assert codes == {
        "completed": Exit.OK,
        "failed": Exit.JOB_FAILED,
        "expired": Exit.JOB_FAILED,
        "skipped": Exit.JOB_FAILED,
        "cancelled": Exit.JOB_CANCELLED,
    }


def test_an_error_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    tell(errors.InvalidInput.field("/priority", "must be an integer"))
    assert capsys.readouterr().err == "error: priority: must be an integer\n"


def test_every_wrong_field_gets_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = (errors.FieldError("/0/type", "is required"), errors.FieldError("/1/x", "unknown"))
    tell(errors.InvalidInput("2 jobs are wrong", errors=wrong))
    assert capsys.readouterr().err.splitlines() == [
        "error: 2 jobs are wrong",
        "  0/type: is required",
        "  1/x: unknown",
    ]


def test_an_error_cannot_play_with_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    tell(errors.TenureError("a\x1b[2J\nerror: b"))
    assert capsys.readouterr().err == "error: a\\x1b[2J\\nerror: b\n"
