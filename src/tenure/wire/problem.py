"""Errors over HTTP: application/problem+json (RFC 9457), and the way back to the same class."""

from __future__ import annotations

from typing import Any

import msgspec

from tenure.domain.errors import FieldError, TenureError, by_code
from tenure.wire.base import Output

MEDIA_TYPE = "application/problem+json"
_DOCS = "https://tenure.dev/errors/"
_CLASSES = by_code()


class FieldProblem(Output, kw_only=True):
    pointer: str
    detail: str


class Problem(Output, kw_only=True):
    """`code` is stable; `errors` name each wrong field by JSON pointer."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] = msgspec.field(default_factory=list)


def from_error(error: TenureError, status: int) -> Problem:
    """The problem that says `error`."""
    return Problem(
        type=_DOCS + error.code,
        title=error.title,
        status=status,
        detail=error.detail,
        code=error.code,
        errors=[FieldProblem(pointer=e.pointer, detail=e.detail) for e in error.errors],
    )


def to_error(body: bytes, status: int, retry_after: float | None = None) -> TenureError:
    """The error an answer stands for; TenureError itself when the body is no problem of ours."""
    try:
        problem: Any = msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return TenureError(f"HTTP {status}", retry_after=retry_after)
    cls = _CLASSES.get(problem.code, TenureError)
    return cls(
        problem.detail,
        errors=tuple(FieldError(e.pointer, e.detail) for e in problem.errors),
        retry_after=retry_after,
    )
