from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from tenure.domain.run import Cancel, Fail, Retry, Snooze
from tenure.wire.leases import ABSENT, ReportItem
from tenure.worker import outcome
from tenure.worker.payload import InvalidPayload
from tests.worker.scenes import lease


class Model(BaseModel):
    at: datetime


@dataclass
class Pair:
    a: int
    b: str


def _json(report: ReportItem) -> bytes:
    assert isinstance(report.result, msgspec.Raw)
    return bytes(report.result)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, None]}, b'{"a":[1,2.5,null]}'),
        (2**100, b"1267650600228229401496703205376"),
        (float("nan"), b"null"),
        (Pair(1, "x"), b'{"a":1,"b":"x"}'),
        (Model(at=datetime(2026, 1, 2, tzinfo=UTC)), b'{"at":"2026-01-02T00:00:00Z"}'),
        ([Model(at=datetime(2026, 1, 2, tzinfo=UTC))], b'[{"at":"2026-01-02T00:00:00Z"}]'),
        (uuid.UUID(int=5), b'"00000000-0000-0000-0000-000000000005"'),
        ("a\0b", b'"a\\ufffdb"'),
        ({"k\ud800": "v\ud800"}, '{"k\ufffd":"v\ufffd"}'.encode()),
    ],
)
def test_results_are_said_in_storable_json(value: Any, text: bytes) -> None:
    report = outcome.completed(lease(), value)
    assert report.outcome == "completed"
    assert _json(report) == text


def test_no_result_is_left_out() -> None:
    assert outcome.completed(lease(), None).result is ABSENT


class Cyclic:
    pass


def _endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize("value", [Cyclic(), {(1, 2): 3}, _endless()])
def test_what_has_no_json_fails_for_good(value: Any) -> None:
    report = outcome.completed(lease(), value)
    assert (report.outcome, report.retryable) == ("failed", False)
    assert report.error is not None
    assert report.error.type == "InvalidResult"
    assert type(value).__name__ in report.error.message


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("no"), ("failed", True, None, None)),
        (Retry("later", after=7), ("failed", True, 7, None)),
        (Retry("later"), ("failed", True, None, None)),
        (Fail("never"), ("failed", False, None, None)),
        (InvalidPayload("x: wrong"), ("failed", False, None, None)),
        (Snooze(90), ("snoozed", True, None, 90)),
        (Snooze(0.01), ("snoozed", True, None, 1.0)),
        (Cancel("enough"), ("cancelled", True, None, None)),
        (SystemExit(3), ("failed", True, None, None)),
    ],
)
def test_what_a_handler_raises_decides(error: BaseException, expected: Any) -> None:
    report = outcome.raised(lease(), error)
    assert (
        report.outcome,
        report.retryable,
        report.retry_after_seconds,
        report.snooze_seconds,
    ) == expected


def _raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def test_a_failure_has_type_message_and_traceback() -> None:
    error = outcome.error_of(_raised(KeyError("colour")))
    assert (error.type, error.message) == ("KeyError", "'colour'")
    assert error.traceback is not None
    assert "in _raised" in error.traceback


def test_decisions_have_no_traceback_unless_they_have_a_cause() -> None:
    bare = outcome.raised(lease(), _raised(Fail("no")))
    try:
        raise Fail("no") from ValueError("deep")
    except Fail as error:
        caused = outcome.raised(lease(), error)
    assert bare.error is not None
    assert bare.error.traceback is None
    assert caused.error is not None
    assert "deep" in (caused.error.traceback or "")


def test_a_long_error_keeps_head_and_tail() -> None:
    error = outcome.error_of(_raised(ValueError("A" * 50_000 + "é" * 50_000 + "\0Z")))
    assert len(error.message.encode()) <= outcome.MAX_MESSAGE
    assert error.message.startswith("AAA")
    assert error.message.endswith("é\ufffdZ")
    assert "bytes left out" in error.message
    assert error.traceback is not None
    assert len(error.traceback.encode()) <= outcome.MAX_TRACEBACK


class Hostile(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def test_an_exception_that_cannot_be_read_is_still_reported() -> None:
    error = outcome.error_of(_raised(Hostile()))
    assert error.type == "Hostile"
    assert "RuntimeError" in error.message


def test_a_refused_report_is_replaced_by_a_failure_that_says_why() -> None:
    report = outcome.completed(lease(fence=3), "x")
    stand_in = outcome.refused(report, "result: at most 5 bytes")
    assert (stand_in.job_id, stand_in.fence) == (report.job_id, 3)
    assert (stand_in.outcome, stand_in.retryable) == ("failed", False)
    assert stand_in.error is not None
    assert stand_in.error.type == outcome.REFUSED
    assert "at most 5 bytes" in stand_in.error.message


def test_a_timeout_names_its_time() -> None:
    report = outcome.timed_out(lease(), 1.5)
    assert report.outcome == "timeout"
    assert report.error is not None
    assert report.error.message == "ran longer than 1.5 s"
