"""Errors of handlers as they are stored: always storable, never too long."""

from __future__ import annotations

from tenure.wire.base import encode
from tenure.wire.jobs import ErrorOut
from tenure.wire.leases import ErrorIn
from tenure.wire.text import clean

_MAX_TYPE = 200
_CUT = "\n... {} characters left out ...\n"


def error_text(error: ErrorIn, limit: int) -> str:
    """An error as JSON text of at most about `limit` bytes; of a long text head and tail stay."""
    message = cut(clean(error.message), limit // 8)
    trace = None if error.traceback is None else cut(clean(error.traceback), limit // 8)
    return encode(
        ErrorOut(type=clean(error.type)[:_MAX_TYPE], message=message, traceback=trace)
    ).decode()


def cut(text: str, limit: int) -> str:
    """`text` with its middle left out when longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return text[:half] + _CUT.format(len(text) - 2 * half) + text[-half:]
