"""What a query says about states and ids before any job is read."""

from __future__ import annotations

from tenure.domain.clock import MINUTE
from tenure.domain.grammar import parse
from tenure.domain.ids import IdSource
from tenure.domain.lifecycle import TERMINAL
from tenure.domain.lifecycle import JobState as S
from tenure.domain.query import CLOCK_SLACK, FIRST_ID, LAST_ID, Field, Query
from tests.builders import NOW


def test_states_are_what_all_clauses_leave() -> None:
    assert Query().states == set(S)
    assert parse("status:failed,cancelled not status:cancelled", NOW).states == {S.FAILED}
    assert parse("status:failed status:pending", NOW).states == set()
    assert parse("finished:>2h", NOW).states == TERMINAL
    assert parse("not finished:>2h", NOW).states == set(S)


def test_ids_are_bounded_by_the_time_inside_them() -> None:
    assert Query().ids == (FIRST_ID, LAST_ID)
    assert parse("finished:<2h priority:>5", NOW).ids == (FIRST_ID, LAST_ID)
    inside = [IdSource().one(NOW - 90 * MINUTE), IdSource().one(NOW - 61 * MINUTE)]
    far = [IdSource().one(NOW - 3 * CLOCK_SLACK - MINUTE), IdSource().one(NOW + CLOCK_SLACK)]
    low, high = parse("created:<2h created:>1h", NOW).ids
    assert all(low < job_id < high for job_id in inside)
    assert not any(low < job_id < high for job_id in far)


def test_what_ended_before_was_submitted_before() -> None:
    low, high = parse("finished:>2h", NOW).ids
    assert low == FIRST_ID
    assert IdSource().one(NOW - 90 * MINUTE) < high
    assert IdSource().one(NOW - 2 * CLOCK_SLACK - MINUTE + CLOCK_SLACK) < high
    assert high < IdSource().one(NOW - CLOCK_SLACK + MINUTE)
    assert parse("not finished:>2h", NOW).ids == (FIRST_ID, LAST_ID)


def test_named_ids_are_the_bounds() -> None:
    ids = sorted(IdSource().make(NOW, 3))
    assert parse(f"id:{ids[1]},{ids[0]},{ids[2]}", NOW).ids == (ids[0], ids[2])
    assert parse(f"not id:{ids[1]}", NOW).ids == (FIRST_ID, LAST_ID)


def test_the_one_word_of_a_field() -> None:
    query = parse("queue:mail type:a,b tag:x* not name:n", NOW)
    assert query.word(Field.QUEUE) == "mail"
    for field in (Field.TYPE, Field.TAG, Field.NAME, Field.OWNER):
        assert query.word(field) is None


def test_both_holds_what_either_asks() -> None:
    both = parse("status:failed", NOW).both(parse("queue:mail", NOW))
    assert both == parse("status:failed queue:mail", NOW)
