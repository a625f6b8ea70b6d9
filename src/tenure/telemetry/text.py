"""Text of strangers on its way to a log or a terminal."""

from __future__ import annotations

import re

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str) -> str:
    """`text` with control, direction and lone surrogate characters written as escapes."""
    return _CONTROL.sub(_escape, text)


def printable(text: str) -> str:
    """As `one_line`, but line breaks and tabs stay: for a text that has the screen to itself."""
    return _CONTROL.sub(lambda match: match[0] if match[0] in "\n\t" else _escape(match), text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return {10: "\\n", 13: "\\r", 9: "\\t"}.get(
        code, f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    )
