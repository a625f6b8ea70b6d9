from __future__ import annotations

import json

from tenure.coordinator.errortext import cut, error_text
from tenure.wire.leases import ErrorIn

LIMIT = 64 * 1024


def test_an_error_is_kept_as_it_is() -> None:
    told = json.loads(error_text(ErrorIn(type="E", message="m", traceback="t"), LIMIT))
    assert told == {"type": "E", "message": "m", "traceback": "t"}
    assert json.loads(error_text(ErrorIn(), LIMIT))["traceback"] is None


def test_text_that_cannot_be_stored_is_cleaned() -> None:
    told = json.loads(error_text(ErrorIn(type="\x00", message="a\ud800", traceback="\x00"), LIMIT))
    assert told == {"type": "\ufffd", "message": "a\ufffd", "traceback": "\ufffd"}


def test_the_longest_error_stays_below_its_limit_in_bytes() -> None:
    for letter in ("x", "\U0001f600", '"', "\x01"):
        text = letter * 200_000
        told = error_text(ErrorIn(type=text, message=text, traceback=text), LIMIT)
        assert len(told.encode()) <= 2 * LIMIT
        assert len(json.loads(told)["type"]) == 200


def test_head_and_tail_of_a_long_text_stay() -> None:
    assert cut("abc", 3) == "abc"
    shortened = cut("a" * 50 + "m" * 100 + "z" * 50, 40)
    assert shortened.startswith("a" * 20 + "\n... 160 characters left out ...\n")
    assert shortened.endswith("z" * 20)
