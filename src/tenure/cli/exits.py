"""Exit codes, and the one line that says what went wrong."""

from __future__ import annotations

import os
import sys
from enum import IntEnum

from tenure.domain.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    TenureError,
    Unauthenticated,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from tenure.telemetry.text import one_line


class Exit(IntEnum):
    OK = 0
    ERROR = 1
    USAGE = 2
    JOB_FAILED = 3
    JOB_CANCELLED = 4
    NOT_FOUND = 5
    CONFLICT = 6
    NOT_ALLOWED = 7
    UNREACHABLE = 8
    WAIT_TIMED_OUT = 124
    INTERRUPTED = 130


_CODES: tuple[tuple[type[TenureError], Exit], ...] = (
    (InvalidInput, Exit.USAGE),
    (NotFound, Exit.NOT_FOUND),
    (Conflict, Exit.CONFLICT),
    (PreconditionFailed, Exit.CONFLICT),
    (Unauthenticated, Exit.NOT_ALLOWED),
    (Forbidden, Exit.NOT_ALLOWED),
    (Unreachable, Exit.UNREACHABLE),
    (Unavailable, Exit.UNREACHABLE),
    (WaitTimeout, Exit.WAIT_TIMED_OUT),
)
_JOB_CODES = {"completed": Exit.OK, "cancelled": Exit.JOB_CANCELLED}


def code_of(error: TenureError) -> Exit:
    """The exit code of a command that ends with `error`."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.ERROR)


def code_of_job(status: str) -> Exit:
    """The exit code of a command that waited for a job; skipped and expired count as failed."""
    return _JOB_CODES.get(status, Exit.JOB_FAILED)


def talk(text: str) -> None:
    """One line to stderr. A closed stderr is nobody's loss."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return


def tell(error: TenureError) -> None:
    """An error on stderr: one line, and one more for each field that the line does not name."""
    talk(f"error: {one_line(error.detail)}")
    if len(error.errors) == 1 and error.errors[0].detail in error.detail:
        return
    for field in error.errors:
        name = field.pointer.removeprefix("/")
        shown = field.detail if not name or field.detail.startswith("TENURE_") else ""
        talk(f"  {one_line(shown or f'{name}: {field.detail}')}")


def abandon_stdout() -> None:
    """Nobody reads stdout any more: send the rest nowhere, so that the exit stays silent."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        return
    finally:
        os.close(nowhere)
