"""What failures have in common: a fingerprint of the error's type, own top frame and message."""

from __future__ import annotations

import hashlib
import re

LENGTH = 16
"""Hexadecimal digits of a fingerprint."""
_LONGEST_MESSAGE = 500
_MOST_LINES = 400
_PYTHON_FRAME = re.compile(r'^\s*File "([^"]+)", line \d+(?:, in (.+))?$')
_OTHER_FRAME = re.compile(r"^\s*at (?:(.+?) \()?(.+?)(?::\d+){1,2}\)?$")
_FOREIGN = re.compile(
    r"site-packages|dist-packages|lib/python\d|<frozen|node_modules|^node:|/tenure/worker/"
)
_VARYING = [
    (re.compile(r"(['\"`]).*?\1"), "?"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "?"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "?"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\b"), "?"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "?"),
    (re.compile(r"\s+"), " "),
]
"""What differs between two failures of one cause: quoted text, ids, addresses, numbers, spaces."""


def fingerprint(reason: str, type_: str, message: str, traceback: str | None) -> str:
    """The same for failures of one cause. `reason` tells those apart that have no error: lost,
    poison and timed out jobs."""
    told = [type_, own_frame(traceback or ""), normalised(message)]
    if not any(told):
        told = [reason]
    return hashlib.sha256("\x00".join(told).encode("utf-8", "replace")).hexdigest()[:LENGTH]


def normalised(message: str) -> str:
    """The first line of a message without what varies."""
    line = message.strip().partition("\n")[0][:_LONGEST_MESSAGE]
    for pattern, instead in _VARYING:
        line = pattern.sub(instead, line)
    return line.strip()


def own_frame(traceback: str) -> str:
    """The innermost frame that is not of a library, as file and function; "" when there is none.

    Line numbers are left out: they change with every edit above. Python's tracebacks have the
    innermost frame last, those of JavaScript and Java have it first.
    """
    lines = traceback.splitlines()
    for line in reversed(lines[-_MOST_LINES:]):
        found = _PYTHON_FRAME.match(line[:1_000])
        if found and not _FOREIGN.search(found[1]):
            return _place(found[1], found[2])
    for line in lines[:_MOST_LINES]:
        found = _OTHER_FRAME.match(line[:1_000])
        if found and not _FOREIGN.search(found[2]):
            return _place(found[2], found[1])
    return ""


def _place(path: str, function: str | None) -> str:
    """Where code is installed differs from worker to worker; its last two names do not."""
    names = path.replace("\\", "/").split("/")
    return f"{'/'.join(names[-2:])}:{function or ''}"
