from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tenure.telemetry.text import one_line, printable


def test_control_characters_are_written_out() -> None:
    assert one_line("a\nb\tc\r\x1b[0m\x9b\u2028\u202e\ud800") == (
        "a\\nb\\tc\\r\\x1b[0m\\x9b\\u2028\\u202e\\ud800"
    )


def test_a_text_of_its_own_keeps_its_lines() -> None:
    assert printable("a\n\tb\x1b") == "a\n\tb\\x1b"


def test_ordinary_text_stays() -> None:
    assert one_line("Zürich 日本 👍 {} % \\") == "Zürich 日本 👍 {} % \\"


@given(st.text(st.characters()))
def test_nothing_dangerous_is_left(text: str) -> None:
    shown = one_line(text)
    assert shown.splitlines() in ([], [shown])
    assert shown.encode().decode() == shown
    assert "\x1b" not in shown
