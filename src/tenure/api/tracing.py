"""Traces that callers are in: the W3C header `traceparent`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tenure.api.exchange import Ask, coordinator, header
from tenure.domain.trace import valid


@contextmanager
def submitting(request: Ask, what: str) -> Iterator[str | None]:
    """The traceparent that what is submitted carries: of the span `submit` around this block when
    this coordinator traces, else the caller's. A header that is none is as good as absent, as W3C
    wants it."""
    given = header(request, b"traceparent")
    parent = given if given is not None and valid(given) else None
    tracing = coordinator(request).tracing
    if tracing is None:
        yield parent
        return
    with tracing.span("submit", parent, {"tenure.submits": what}) as own:
        yield own
