"""Failures of one cause share a fingerprint, others do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain.fingerprint import LENGTH, fingerprint, normalised, own_frame

PYTHON = """Traceback (most recent call last):
  File "/srv/app/jobs/mail.py", line {line}, in send
    smtp.send(message)
  File "/srv/app/.venv/lib/python3.11/site-packages/smtp/client.py", line 9, in send
    raise Refused
smtp.client.Refused: no
"""
NODE = """TypeError: x is not a function
    at node:internal/timers:581:17
    at /app/node_modules/lib/index.js:1:2
    at send (/app/src/mail.js:12:9)
    at main (/app/src/main.js:3:1)
"""


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("timed out after 30.5 s", "timed out after ? s"),
        ("no user 'ann' in \"db-1\"", "no user ? in ?"),
        ("job 0193474a-0000-7000-8000-00000000000c failed", "job ? failed"),
        ("object at 0x7f3a2b", "object at ?"),
        ("digest deadbeef01 differs", "digest ? differs"),
        ("a   b\tc\nsecond line", "a b c"),
        ("decade", "decade"),
        ("", ""),
    ],
)
def test_what_varies_is_left_out(message: str, normal: str) -> None:
    assert normalised(message) == normal


@pytest.mark.parametrize(
    ("traceback", "frame"),
    [
        (PYTHON.format(line=3), "jobs/mail.py:send"),
        (NODE, "src/mail.js:send"),
        ('  File "C:\\app\\mail.py", line 3\n', "app/mail.py:"),
        ('  File "/usr/lib/python3.11/json/decoder.py", line 3, in decode\n', ""),
        ("something else", ""),
        ("", ""),
    ],
)
def test_the_own_top_frame(traceback: str, frame: str) -> None:
    assert own_frame(traceback) == frame


def test_one_cause_is_one_fingerprint() -> None:
    first = fingerprint("error", "Refused", "user 17 refused", PYTHON.format(line=3))
    assert first == fingerprint("timeout", "Refused", "user 99 refused", PYTHON.format(line=40))
    assert len(first) == LENGTH
    others = {
        fingerprint("error", "Other", "user 17 refused", PYTHON.format(line=3)),
        fingerprint("error", "Refused", "queue 17 refused", PYTHON.format(line=3)),
        fingerprint("error", "Refused", "user 17 refused", NODE),
        fingerprint("error", "Refused", "user 17 refused", None),
        fingerprint("lost", "", "", None),
        fingerprint("poison", "", "", None),
    }
    assert len(others | {first}) == 7


@given(st.text(), st.text(), st.text(), st.none() | st.text())
def test_any_error_has_one(reason: str, type_: str, message: str, traceback: str | None) -> None:
    found = fingerprint(reason, type_, message, traceback)
    assert len(found) == LENGTH
    assert found == fingerprint(reason, type_, message, traceback)
