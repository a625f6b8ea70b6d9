"""Spans, in memory and on their way out."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from tenure.domain.trace import valid
from tenure.telemetry import scope
from tenure.telemetry.tracing import Tracing, enter, leave, open_tracing, traceparent

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Tracing(provider)


def test_a_span_belongs_to_the_trace_of_its_parent_and_is_open_in_its_block(
    tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    with tracing.span("submit", PARENT, {"tenure.submits": "job"}) as own:
        assert valid(own)
        assert scope.traceparent() == own
    assert scope.traceparent() is None
    (span,) = spans.get_finished_spans()
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}" == PARENT[3:35] == own[3:35]
    assert f"{span.parent.span_id:016x}" == PARENT[36:52]
    assert dict(span.attributes or {}) == {"tenure.submits": "job"}


def test_without_a_parent_it_begins_a_trace_whatever_is_open(
    tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    with tracing.span("outer", PARENT, {}), tracing.span("inner", None, {}) as inner:
        assert inner[3:35] != PARENT[3:35]
    assert next(span for span in spans.get_finished_spans() if span.name == "inner").parent is None


def test_what_failed_says_so(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    span = tracing.start("run", PARENT, {})
    token = enter(span)
    assert scope.traceparent() == traceparent(span)
    leave(span, token, "failed")
    (found,) = spans.get_finished_spans()
    assert (found.status.status_code, found.status.description) == (StatusCode.ERROR, "failed")


def test_a_span_of_the_past(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    tracing.record("claim", PARENT, 1_000_000, {})
    (found,) = spans.get_finished_spans()
    assert found.start_time == 1_000_000_000
    assert found.end_time is not None
    assert found.end_time > found.start_time


class _Receiver(BaseHTTPRequestHandler):
    bodies: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.bodies.append((self.path, self.rfile.read(size)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


def test_spans_go_out_by_otlp_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[tuple[str, bytes]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Receiver", (_Receiver,), {"bodies": bodies}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    tracing = open_tracing("tenure-worker")
    with tracing.span("run", PARENT, {}):
        pass
    tracing.close()
    tracing.close()
    server.shutdown()
    thread.join()
    server.server_close()
    [(path, body)] = bodies
    assert path == "/v1/traces"
    assert b"tenure-worker" in body
    assert bytes.fromhex(PARENT[3:35]) in body


def test_nothing_is_imported_until_it_is_asked_for() -> None:
    program = (
        "import sys, tenure.api.app, tenure.worker.serving, tenure.client.asynchronous;"
        "from tenure.telemetry import scope; scope.fields();"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
