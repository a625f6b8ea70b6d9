"""What callers may ask of a list."""

from __future__ import annotations

import pytest

from tenure.coordinator import queries
from tenure.domain.errors import InvalidInput
from tenure.domain.lifecycle import JobState as S


@pytest.mark.parametrize(
    ("words", "states"),
    [
        ([], set()),
        ([""], set()),
        (["pending"], {S.PENDING}),
        (["QUEUED"], {S.PENDING}),
        (["In-Progress", "dead"], {S.RUNNING, S.FAILED}),
        (["failed,cancelled", " stopped "], {S.FAILED, S.CANCELLED}),
    ],
)
def test_states_and_earlier_words(words: list[str], states: set[S]) -> None:
    assert queries.states(words) == states


def test_an_unknown_state_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="scheduled, blocked, pending"):
        queries.states(["pending,nope"])


@pytest.mark.parametrize("text", ["\x00", "a\ud800", "x" * 201])
def test_words_that_cannot_be_looked_for(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^q:"):
        queries.word("q", text)


def test_an_empty_word_is_none() -> None:
    assert queries.word("q", None) is None
    assert queries.word("q", "") is None
    assert queries.word("q", "x" * 200) == "x" * 200


def test_bounds() -> None:
    assert queries.bounded("limit", None, 50, 500) == 50
    assert queries.bounded("limit", 500, 50, 500) == 500
    for number in (0, -1, 501, 2**70):
        with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
            queries.bounded("limit", number, 50, 500)


def test_page_numbers() -> None:
    assert queries.skip(None, 50, "x") == 0
    assert queries.skip(1, 50, None) == 0
    assert queries.skip(20, 500, None) == 9_500
    for page, size, after in ((0, 50, None), (-1, 50, None), (21, 500, None), (1, 50, "x")):
        with pytest.raises(InvalidInput, match=r"^page:"):
            queries.skip(page, size, after)
