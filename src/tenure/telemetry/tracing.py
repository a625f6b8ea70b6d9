"""Spans by OpenTelemetry (the extra `otel`), imported only where TENURE_TRACING asks for them.

Where they go is OpenTelemetry's own matter: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME,
OTEL_TRACES_SAMPLER and the others of its environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from tenure.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

Attributes = Mapping[str, str | int]


class Tracing:
    """Opens spans. For any thread. A `parent` is a traceparent, None for a trace of its own."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("tenure")
        self._closed = False

    def start(self, name: str, parent: str | None, attributes: Attributes) -> Span:
        """A span that the caller ends."""
        return self._tracer.start_span(name, _context(parent), attributes=attributes)

    @contextmanager
    def span(self, name: str, parent: str | None, attributes: Attributes) -> Iterator[str]:
        """A span around this block, open in it; its traceparent. An error is noted in it."""
        from opentelemetry import trace

        span = self.start(name, parent, attributes)
        with trace.use_span(span, end_on_exit=True):
            yield traceparent(span)

    def record(self, name: str, parent: str, began: int, attributes: Attributes) -> None:
        """A span that began at an instant (microseconds) and ends now."""
        self._tracer.start_span(
            name, _context(parent), attributes=attributes, start_time=began * 1000
        ).end()

    def close(self) -> None:
        """Send what was not sent yet. Legal twice."""
        if not self._closed:
            self._closed = True
            self._provider.shutdown()


def enter(span: Span) -> object:
    """Open a span in the present context; give what is answered to `leave`."""
    from opentelemetry import context, trace

    return context.attach(trace.set_span_in_context(span))


def leave(span: Span, token: object, error: str | None) -> None:
    """End a span that was opened by `enter`; `error` says how it failed, if it did."""
    from opentelemetry import context
    from opentelemetry.trace import StatusCode

    if error is not None:
        span.set_status(StatusCode.ERROR, error)
    context.detach(cast(Any, token))
    span.end()


def traceparent(span: Span) -> str:
    """Of one span."""
    found = span.get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


def _context(parent: str | None) -> Context:
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if parent is None:
        return Context()
    return TraceContextTextMapPropagator().extract({"traceparent": parent}, context=Context())


def open_tracing(service: str) -> Tracing:
    """Spans go out in batches by OTLP over HTTP, as `service` unless OTEL_SERVICE_NAME is set.

    Raises ConfigurationError without the extra `otel`.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigurationError(
            "tracing needs the extra otel: pip install 'tenure[otel]'"
        ) from None
    named = {"service.name": service, **OTELResourceDetector().detect().attributes}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
