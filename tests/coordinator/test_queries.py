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


def test_pages_by_number_size_and_limit() -> None:
    assert queries.stretch(None, None, None, "x") == (50, 0)
    assert queries.stretch(7, None, None, None) == (7, 0)
    assert queries.stretch(7, 1, 9, None) == (9, 0)
    assert queries.stretch(None, 20, 500, None) == (500, 9_500)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ((0, None, None, None), "limit"),
        ((None, None, 0, None), "pageSize"),
        ((None, 0, 50, None), "page"),
        ((None, 21, 500, None), "page"),
        ((None, 1, 50, "x"), "page"),
    ],
)
def test_pages_that_make_no_sense(asked: tuple[int | None, ...], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        queries.stretch(*asked)  # type: ignore[arg-type]
    assert caught.value.errors[0].pointer == f"/{field}"
