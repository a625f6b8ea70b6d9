"""W3C Trace Context: the one line that ties a job to the trace it was submitted in."""

from __future__ import annotations

import re

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


def valid(traceparent: str) -> bool:
    """Whether a text is a traceparent: version, trace, span and flags in lower-case hex."""
    match = _FORM.fullmatch(traceparent)
    return match is not None and match[1] != "ff" and bool(int(match[2], 16) and int(match[3], 16))
