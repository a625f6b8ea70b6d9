"""Cursors: what was made is read back, anything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.coordinator import cursors
from tenure.domain.errors import InvalidInput
from tests.builders import WORKER


def test_a_job_and_a_line_come_back() -> None:
    assert cursors.to_job(cursors.of_job(WORKER)) == WORKER
    for line in ((1, 0), (0, 0), (2**63 - 1, 2**31 - 1)):
        assert cursors.to_line(cursors.of_line(*line)) == line


@pytest.mark.parametrize(
    "text",
    ["", "x", "====", WORKER, "\x00", "\u2713", "a" * 10_000, cursors.of_job(WORKER) + "=", "bA"],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    for read in (cursors.to_job, cursors.to_line):
        with pytest.raises(InvalidInput) as caught:
            read(text)
        assert caught.value.errors[0].pointer == "/after"


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidInput):
        cursors.to_job(cursors.of_line(1, 1))
    with pytest.raises(InvalidInput):
        cursors.to_line(cursors.of_job(WORKER))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read, write in ((cursors.to_job, cursors.of_job), (cursors.to_line, cursors.of_line)):
        try:
            found = read(text)
        except InvalidInput:
            continue
        assert write(*(found if isinstance(found, tuple) else (found,))) == text
