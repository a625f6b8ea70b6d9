"""One trace from the submit to the report, and lines that say whose they are."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from loguru import logger
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tenure.telemetry.logging import configure
from tenure.telemetry.tracing import Tracing
from tenure.worker.context import Context
from tenure.worker.registry import handler
from tests.worker import process_handlers
from tests.worker.running import Running
from tests.worker.scenes import until

pytestmark = pytest.mark.anyio

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


@handler("outer")
async def outer(payload: str, ctx: Context) -> dict[str, Any]:
    with trace.get_tracer("user").start_as_current_span("own"):
        pass
    child = await ctx.submit("inner", "x")
    logger.info("in the handler")
    return {"child": child.id, "trace": ctx.traceparent}


@handler("inner")
def inner(payload: str, ctx: Context) -> str | None:
    return ctx.traceparent


class Traced(Running):
    """A coordinator and workers whose spans are kept in `spans`."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.spans = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.tracing = Tracing(provider)

    def named(self, name: str, job_id: str | None = None) -> list[ReadableSpan]:
        return [
            span
            for span in self.spans.get_finished_spans()
            if span.name == name
            and job_id in (None, dict(span.attributes or {}).get("tenure.job_id"))
        ]

    async def one(self, name: str, job_id: str | None = None) -> ReadableSpan:
        await until(lambda: bool(self.named(name, job_id)))
        (span,) = self.named(name, job_id)
        assert span.context is not None
        assert f"{span.context.trace_id:032x}" == TRACE_ID
        return span


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[Traced]:
    with Traced(tmp_path) as found:
        yield found


@pytest.fixture
async def http(traced: Traced) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=traced.url, headers={"traceparent": PARENT}) as client:
        yield client


def _above(span: ReadableSpan) -> int:
    assert span.parent is not None
    return int(span.parent.span_id)


def _own(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


async def test_one_trace_from_the_submit_to_the_report_and_on(
    traced: Traced, http: httpx.AsyncClient
) -> None:
    async with traced.client() as client, traced.worker(outer, inner):
        answer = await http.post("/api/jobs", json={"type": "outer", "payload": "x"})
        job_id = answer.json()["id"]
        done = await client.wait(job_id, timeout=20)
        child_id = done.result["child"]
        child = await client.wait(child_id, timeout=20)
        submit = next(span for span in traced.named("submit") if f"{_above(span):016x}" in PARENT)
        claim, run = await traced.one("claim", job_id), await traced.one("run", job_id)
        report, below = await traced.one("report", job_id), await traced.one("run", child_id)
    assert _above(claim) == _above(run) == _own(submit)
    assert _above(report) == _own(run)
    assert done.result["trace"] == f"00-{TRACE_ID}-{_own(run):016x}-01"
    assert _above(below) == _own(run)
    assert child.result == f"00-{TRACE_ID}-{_own(below):016x}-01"
    attributes = dict(run.attributes or {})
    assert (attributes["tenure.type"], attributes["tenure.outcome"]) == ("outer", "completed")


async def test_a_child_process_is_in_the_trace_of_its_run(
    traced: Traced, http: httpx.AsyncClient
) -> None:
    async with traced.client() as client, traced.worker(process_handlers.traced):
        body = {"type": "traced", "payload": None}
        job_id = (await http.post("/api/jobs", json=body)).json()["id"]
        done = await client.wait(job_id, timeout=20)
        run = await traced.one("run", job_id)
    assert done.result == f"00-{TRACE_ID}-{_own(run):016x}-01"


async def test_what_a_client_submits_within_a_span_is_in_its_trace(coordinator: Running) -> None:
    span = trace.NonRecordingSpan(
        trace.SpanContext(int(TRACE_ID, 16), 7, False, trace.TraceFlags(1))
    )
    async with coordinator.client() as client:
        with trace.use_span(span):
            one = await client.submit("nobody", 1)
            [many] = await client.submit_many([{"type": "nobody"}])
        plain = await client.submit("nobody", 2)
        expected = f"00-{TRACE_ID}-0000000000000007-01"
        assert (await client.get(one.id)).traceparent == expected
        assert (await client.get(many.id)).traceparent == expected
        assert (await client.get(plain.id)).traceparent is None


async def test_what_a_ci_job_submits_goes_on_in_its_trace(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEPARENT", PARENT)
    async with traced.client() as client, traced.worker(inner):
        job = await client.submit("inner", "x")
        await client.wait(job.id, timeout=20)
        run = await traced.one("run", job.id)
    assert f"{_above(run):016x}" in PARENT


async def test_without_tracing_the_trace_still_travels(coordinator: Running) -> None:
    async with coordinator.client() as client, coordinator.worker(outer, inner):
        job = await client.submit("outer", "x", traceparent=PARENT)
        done = await client.wait(job.id, timeout=20)
        assert done.result["trace"] == PARENT
        child = await client.wait(done.result["child"], timeout=20)
        assert (child.traceparent, child.result) == (PARENT, PARENT)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure("info", "json", stream)
    yield stream
    logger.remove()
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_lines_of_a_handler_name_its_job_and_trace(
    coordinator: Running, lines: io.StringIO
) -> None:
    async with coordinator.client() as client, coordinator.worker(outer, inner):
        job = await client.submit("outer", "x", traceparent=PARENT)
        await client.wait(job.id, timeout=20)
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    (line,) = [one for one in found if one["message"] == "in the handler"]
    assert (line["job_id"], line["trace_id"]) == (job.id, TRACE_ID)
    assert not any("trace_id" in one for one in found if one["message"] == "Registered")
