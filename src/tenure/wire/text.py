"""Raw JSON text: what may be stored, and where a bad character stands.

Payloads and results travel as the bytes they came as, so they are checked without being rebuilt.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tenure.domain.errors import FieldError, InvalidInput, MalformedBody, TooDeep

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUL_OR_SURROGATE = "must not hold NUL or lone surrogates"
MAX_DEPTH = 200


def unstorable(text: str) -> bool:
    """Whether `text` holds NUL or a lone surrogate, which PostgreSQL cannot store."""
    return _UNSTORABLE.search(text) is not None


def clean(text: str) -> str:
    """`text` with NUL and lone surrogates replaced by U+FFFD: a report must always be storable."""
    return _UNSTORABLE.sub("\ufffd", text)


def check_body(body: bytes) -> None:
    """Refuse bytes that no decoder behind may see.

    Raises MalformedBody for bad UTF-8, InvalidInput naming each text that holds NUL or a lone
    surrogate. Linear, and a full decode only when an escape makes it necessary.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8 (byte {error.start})") from None
    if _SUSPECT.search(body) is None:
        return
    try:
        value = json.loads(body)
    except RecursionError:
        raise TooDeep("the body is nested too deeply") from None
    except ValueError:
        return  # malformed: the typed decoder says where
    found: list[FieldError] = []
    _collect(value, "", found, 0)
    if found:
        raise InvalidInput(f"{found[0].pointer[1:]}: {found[0].detail}", errors=tuple(found))


def _collect(value: Any, pointer: str, found: list[FieldError], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise TooDeep(f"the body is nested deeper than {MAX_DEPTH} levels")
    if len(found) >= 10:
        return
    if isinstance(value, str):
        if unstorable(value):
            found.append(FieldError(pointer, _NUL_OR_SURROGATE))
    elif isinstance(value, dict):
        for key, item in value.items():
            if unstorable(key):
                found.append(FieldError(pointer or "/", f"a key {_NUL_OR_SURROGATE}"))
            else:
                _collect(item, f"{pointer}/{escape(key)}", found, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _collect(item, f"{pointer}/{index}", found, depth + 1)


def escape(part: str) -> str:
    """One part of a JSON pointer (RFC 6901 section 3)."""
    return part.replace("~", "~0").replace("/", "~1")


def clean_body(body: bytes) -> bytes:
    """`body` made storable: bad UTF-8, NUL and lone surrogates become U+FFFD.

    Returns the same bytes when there is nothing to clean. Raises TooDeep.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        body = body.decode("utf-8", "replace").encode()
    if _SUSPECT.search(body) is None:
        return body
    try:
        return json.dumps(
            _cleaned(json.loads(body)), ensure_ascii=False, separators=(",", ":")
        ).encode()
    except RecursionError:
        raise TooDeep("the body is nested too deeply") from None
    except ValueError:
        return body  # malformed: the typed decoder says where


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value
