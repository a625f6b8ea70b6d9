"""Raw JSON text: what may be stored, and where a bad character stands.

Payloads and results travel as the bytes they came as, so they are checked without being rebuilt.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tenure.domain.errors import FieldError, InvalidInput, MalformedBody, TooDeep

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2}))"
    rb"|\\."
)
"""Every JSON escape: a whole surrogate pair, one that cannot be stored, any other."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUL_OR_SURROGATE = "must not hold NUL or lone surrogates"
_MOST_ERRORS = 10


def unstorable(text: str) -> bool:
    """Whether `text` holds NUL or a lone surrogate, which PostgreSQL cannot store."""
    return _UNSTORABLE.search(text) is not None


def clean(text: str) -> str:
    """`text` with NUL and lone surrogates replaced by U+FFFD: a report must always be storable."""
    return _UNSTORABLE.sub("\ufffd", text)


def check_body(body: bytes) -> None:
    """Refuse bytes that no decoder behind may see.

    Raises MalformedBody for bad UTF-8, InvalidInput naming each text that holds NUL or a lone
    surrogate, TooDeep. Linear, and a full decode only for a body that holds such a text.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8 (byte {error.start})") from None
    if _SUSPECT.search(body) is None or not any(m[2] for m in _ESCAPE.finditer(body)):
        return
    found: list[FieldError] = []
    try:
        _collect(_texts_of(body), "", found)
    except RecursionError:
        raise TooDeep("the body is nested too deeply") from None
    except ValueError:
        return  # malformed: the typed decoder says where
    if found:
        first = found[0]
        raise InvalidInput(f"{first.pointer[1:] or 'body'}: {first.detail}", errors=tuple(found))


def _texts_of(body: bytes) -> Any:
    """JSON whose objects are tuples of pairs, so that repeated keys stay, and without numbers,
    which may have more digits than Python converts."""
    return json.loads(
        body.decode(),
        object_pairs_hook=tuple,
        parse_int=lambda _: None,
        parse_float=lambda _: None,
    )


def _collect(value: Any, pointer: str, found: list[FieldError]) -> None:
    if len(found) >= _MOST_ERRORS:
        return
    if isinstance(value, str):
        if unstorable(value):
            found.append(FieldError(pointer, _NUL_OR_SURROGATE))
    elif isinstance(value, tuple):
        for key, item in value:
            if unstorable(key):
                found.append(FieldError(pointer, f"a key {_NUL_OR_SURROGATE}"))
            else:
                _collect(item, f"{pointer}/{escape(key)}", found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _collect(item, f"{pointer}/{index}", found)


def escape(part: str) -> str:
    """One part of a JSON pointer (RFC 6901 section 3)."""
    return part.replace("~", "~0").replace("/", "~1")


def clean_body(body: bytes) -> bytes:
    """`body` made storable: bad UTF-8, NUL and lone surrogates become U+FFFD.

    All other bytes stay as they came.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        body = body.decode("utf-8", "replace").encode()
    if _SUSPECT.search(body) is None:
        return body
    return _ESCAPE.sub(lambda match: rb"\ufffd" if match[2] else match[0], body)
