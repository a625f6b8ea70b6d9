"""What is being worked on here: for log lines, and for what is submitted on the way."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from typing import Any, Protocol

from tenure.domain.trace import valid


class Work(Protocol):
    """What is known of a job whose handler runs; `traceparent` may be anything else for none."""

    @property
    def job_id(self) -> str: ...

    @property
    def traceparent(self) -> object: ...


CURRENT: ContextVar[Work | None] = ContextVar("tenure_run", default=None)
"""The job whose handler runs here."""


def traceparent() -> str | None:
    """What a submit from here belongs to: the span that OpenTelemetry has open here, else the
    running job's trace; where no job runs, that of TRACEPARENT in the environment, with which
    whoever started this process (a CI job, say) told its own."""
    found = _traceparent()
    if found is None and CURRENT.get() is None:
        given = os.environ.get("TRACEPARENT", "")
        return given if valid(given) else None
    return found


def _traceparent() -> str | None:
    """Imports nothing: no span can be open in a process that has not imported OpenTelemetry."""
    span = _open_span()
    if span is not None:
        return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    given = getattr(CURRENT.get(), "traceparent", None)
    return given if isinstance(given, str) else None


def fields() -> dict[str, str]:
    """`job_id`, `trace_id` and `span_id`, as far as there are any."""
    found: dict[str, str] = {}
    running = CURRENT.get()
    if running is not None:
        found["job_id"] = running.job_id
    trace = _traceparent()
    if trace is not None:
        found["trace_id"], found["span_id"] = trace[3:35], trace[36:52]
    return found


def _open_span() -> Any:
    """The context of the open span; None when there is none."""
    module = sys.modules.get("opentelemetry.trace")
    if module is None:
        return None
    span = module.get_current_span().get_span_context()
    return span if span.is_valid else None
