from __future__ import annotations

from dataclasses import dataclass

import pytest

from tenure.telemetry import scope

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True)
class Work:
    job_id: str
    traceparent: str | None


def test_a_run_of_no_trace_says_its_job() -> None:
    token = scope.CURRENT.set(Work("j1", None))
    try:
        assert scope.traceparent() is None
        assert scope.fields() == {"job_id": "j1"}
    finally:
        scope.CURRENT.reset(token)


def test_a_process_that_was_started_in_a_trace_submits_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRACEPARENT", TRACE)
    assert scope.traceparent() == TRACE
    assert scope.fields() == {}
    token = scope.CURRENT.set(Work("j1", None))  # a worker's own environment is not its jobs'
    try:
        assert scope.traceparent() is None
    finally:
        scope.CURRENT.reset(token)
    monkeypatch.setenv("TRACEPARENT", TRACE.upper())
    assert scope.traceparent() is None


def test_nothing_runs() -> None:
    assert scope.traceparent() is None
    assert scope.fields() == {}


def test_a_run_says_whose_it_is() -> None:
    token = scope.CURRENT.set(Work("j1", TRACE))
    try:
        assert scope.traceparent() == TRACE
        assert scope.fields() == {
            "job_id": "j1", "trace_id": TRACE[3:35], "span_id": TRACE[36:52],
        }  # fmt: skip
    finally:
        scope.CURRENT.reset(token)
