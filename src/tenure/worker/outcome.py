"""From what a handler returned or raised to the report that says it."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import msgspec
import pydantic

from tenure.domain.run import MIN_SNOOZE_SECONDS, Cancel, Fail, Retry, Snooze
from tenure.wire.leases import ABSENT, ErrorIn, Lease, ReportItem
from tenure.wire.text import clean, clean_body
from tenure.worker.payload import InvalidPayload

REFUSED = "ReportRefused"
"""The error type of a run whose own report the coordinator would not take."""
MAX_MESSAGE = 16 * 1024
MAX_TRACEBACK = 40 * 1024
"""Bytes. With the rest of an error they stay below the 64 KiB that are stored."""


class HandlerCrashed(Exception):  # noqa: N818 - the name is what users read in a job's error
    """The child process of a handler ended without a result."""


class HandlerTimeout(Exception):  # noqa: N818
    """The handler ran longer than it may."""


class InvalidResult(Exception):  # noqa: N818
    """What the handler returned cannot be said in JSON."""


def completed(lease: Lease, value: Any) -> ReportItem:
    """The handler returned `value`: dicts, lists, dataclasses, msgspec Structs, pydantic models,
    dates, UUIDs and the like are said in JSON, NaN as null."""
    if value is None:
        return ReportItem(job_id=lease.job_id, fence=lease.fence, outcome="completed")
    try:
        result = encode_result(value)
    except Exception as error:  # a value's own methods may raise anything
        invalid = InvalidResult(f"a {type(value).__name__} cannot be a result: {error}")
        return failed(lease, invalid, retryable=False)
    return ReportItem(
        job_id=lease.job_id, fence=lease.fence, outcome="completed", result=msgspec.Raw(result)
    )


def encode_result(value: Any) -> bytes:
    """`value` as storable JSON. Raises TypeError, ValueError, RecursionError, and whatever the
    value's own methods raise."""
    try:
        encoded = _ENCODER.encode(value)
    except UnicodeEncodeError:
        encoded = _ENCODER.encode(_without_surrogates(value))
    if b"\\u0000" in encoded:
        return clean_body(encoded)
    return encoded


def raised(lease: Lease, error: BaseException) -> ReportItem:
    """The handler raised: its own decision, or a failure."""
    if isinstance(error, Retry):
        report = failed(lease, error, with_traceback=error.__cause__ is not None)
        if error.after is not None:
            report.retry_after_seconds = max(0.0, error.after)
        return report
    if isinstance(error, Fail):
        return failed(lease, error, retryable=False, with_traceback=error.__cause__ is not None)
    if isinstance(error, Snooze):
        report = _report(lease, "snoozed")
        report.snooze_seconds = max(MIN_SNOOZE_SECONDS, error.after)
        return report
    if isinstance(error, Cancel):
        return cancelled(lease, _text(error))
    if isinstance(error, InvalidPayload):
        return failed(lease, error, retryable=False, with_traceback=False)
    if isinstance(error, HandlerCrashed):
        return failed(lease, error, with_traceback=False)
    return failed(lease, error)


def failed(
    lease: Lease,
    error: BaseException,
    *,
    retryable: bool = True,
    with_traceback: bool = True,
) -> ReportItem:
    """A failed attempt, its error cut to what is stored."""
    report = _report(lease, "failed")
    report.retryable = retryable
    report.error = error_of(error, with_traceback=with_traceback)
    return report


def cancelled(lease: Lease, message: str = "") -> ReportItem:
    """The run ended as cancelled; `message` says by what, when its handler did it."""
    report = _report(lease, "cancelled")
    if message:
        report.error = ErrorIn(type="Cancel", message=message)
    return report


def timed_out(lease: Lease, seconds: float | None) -> ReportItem:
    """The run was stopped because it ran longer than `seconds`."""
    report = _report(lease, "timeout")
    said = "its time" if seconds is None else f"{seconds:g} s"
    report.error = ErrorIn(type="HandlerTimeout", message=f"ran longer than {said}")
    return report


def refused(report: ReportItem, why: str) -> ReportItem:
    """The report that stands in for one the coordinator will not take."""
    message = f"the report of this run was refused: {why}"
    return ReportItem(
        job_id=report.job_id,
        fence=report.fence,
        outcome="failed",
        retryable=False,
        error=ErrorIn(type=REFUSED, message=cut(message, MAX_MESSAGE)),
    )


def error_of(error: BaseException, *, with_traceback: bool = True) -> ErrorIn:
    """An exception as text: storable, bounded, whatever its own methods do."""
    trace = None
    if with_traceback and error.__traceback__ is not None:
        trace = cut(_traceback(error), MAX_TRACEBACK)
    return ErrorIn(
        type=cut(type(error).__name__, 200), message=cut(_text(error), MAX_MESSAGE), traceback=trace
    )


def cut(text: str, max_bytes: int) -> str:
    """`text` made storable, and its middle left out when it is longer than `max_bytes` UTF-8."""
    encoded = clean(text).encode("utf-8", "replace")
    if len(encoded) <= max_bytes:
        return encoded.decode()
    half = (max_bytes - 60) // 2
    head = encoded[:half].decode("utf-8", "ignore")
    tail = encoded[-half:].decode("utf-8", "ignore")
    return f"{head}\n... {len(encoded) - 2 * half} bytes left out ...\n{tail}"


def _report(lease: Lease, outcome: Any) -> ReportItem:
    return ReportItem(
        job_id=lease.job_id, fence=lease.fence, outcome=outcome, result=ABSENT, checkpoint=ABSENT
    )


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # an exception's own __str__ may raise anything
        return f"(its text cannot be read: {type(broken).__name__})"


def _traceback(error: BaseException) -> str:
    """The traceback without the worker's own frames, which are always the first."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OWN):
        trace = trace.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, trace))
    except Exception as broken:  # as above, deeper in the chain
        return f"(its traceback cannot be read: {type(broken).__name__})"


_OWN = str(Path(__file__).parent)


def _other_types(value: Any) -> Any:
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_ENCODER = msgspec.json.Encoder(enc_hook=_other_types)


def _without_surrogates(value: Any) -> Any:
    plain = msgspec.to_builtins(value, enc_hook=_other_types)
    return _cleaned(plain)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value
