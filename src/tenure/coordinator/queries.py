"""What callers may ask of a list, checked."""

from __future__ import annotations

from collections.abc import Sequence

from tenure.domain.errors import InvalidInput
from tenure.domain.grammar import parse
from tenure.domain.lifecycle import JobState, parse_state
from tenure.domain.query import Clause, Field, InStates, Query, exact
from tenure.store.listing import MAX_EXAMINED
from tenure.wire.text import unstorable

MAX_PAGE = 500
DEFAULT_PAGE = 50
_MAX_WORD = 200


def states(words: Sequence[str]) -> frozenset[JobState]:
    """States by name or earlier systems' words, also several in one text, comma-separated.

    Raises InvalidInput.
    """
    found: set[JobState] = set()
    for word in (part for given in words for part in given.split(",") if part.strip()):
        try:
            found.add(parse_state(word))
        except ValueError:
            known = ", ".join(state.value for state in JobState)
            raise InvalidInput.field("status", f"must be one or more of {known}") from None
    return frozenset(found)


def word(field: str, text: str | None, most: int = _MAX_WORD) -> str | None:
    """Text to look for; empty is none. Raises InvalidInput."""
    if text is None or not text:
        return None
    if len(text) > most:
        raise InvalidInput.field(field, f"at most {most} characters")
    if unstorable(text):
        raise InvalidInput.field(field, "must not hold NUL or lone surrogates")
    return text


def query(words: Sequence[str], queue: str | None, type_: str | None, tag: str | None) -> Query:
    """What the plain parameters of a list ask, each exact. Raises InvalidInput."""
    clauses: list[Clause] = []
    if found := states(words):
        clauses.append(InStates(found))
    for field, text in ((Field.QUEUE, queue), (Field.TYPE, type_), (Field.TAG, tag)):
        if (value := word(field, text)) is not None:
            clauses.append(exact(field, value))
    return Query(tuple(clauses))


def parsed(field: str, text: str | None, now: int) -> Query:
    """A filter; none is every job. Spans in it count back from `now`. Raises InvalidInput."""
    if text is None:
        return Query()
    if unstorable(text):
        raise InvalidInput.field(field, "must not hold NUL or lone surrogates")
    return parse(text, now, field)


def bounded(field: str, number: int | None, default: int, most: int) -> int:
    """A number from 1 to `most`; `default` when none was given. Raises InvalidInput."""
    if number is None:
        return default
    if not 1 <= number <= most:
        raise InvalidInput.field(field, f"must be from 1 to {most}")
    return number


def page_size(field: str, number: int | None) -> int:
    """How many items a page shall have. Raises InvalidInput."""
    return bounded(field, number, DEFAULT_PAGE, MAX_PAGE)


def stretch(
    limit: int | None, page: int | None, size: int | None, after: str | None
) -> tuple[int, int]:
    """How many jobs a page has, and how many precede it: `page` counts from 1, `size` wins over
    `limit`. Raises InvalidInput."""
    found = page_size("limit", limit) if size is None else page_size("pageSize", size)
    if page is None:
        return found, 0
    if after is not None:
        raise InvalidInput.field("page", "give page or after, not both")
    if page < 1 or page * found > MAX_EXAMINED:
        raise InvalidInput.field(
            "page", f"must be 1 or more, and reach no further than {MAX_EXAMINED} jobs; use after"
        )
    return found, (page - 1) * found
