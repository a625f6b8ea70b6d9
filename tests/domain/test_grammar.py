"""The filter language: what it reads, and how it points at what it cannot read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain.clock import DAY, MAX_INSTANT, MIN_INSTANT, MINUTE, SECOND
from tenure.domain.errors import InvalidInput
from tenure.domain.grammar import MAX_CLAUSES, MAX_LENGTH, MAX_VALUES, parse
from tenure.domain.lifecycle import JobState as S
from tenure.domain.query import Compared, Field, InStates, Matching, Op, Query
from tests.builders import NOW

ID = "0193474a-0000-7000-8000-00000000000c"
HOUR = 60 * MINUTE


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("status:failed", InStates(frozenset({S.FAILED}))),
        ("status:Queued,dead,in-progress", InStates(frozenset({S.PENDING, S.FAILED, S.RUNNING}))),
        ("not status:failed", InStates(frozenset(set(S) - {S.FAILED}))),
        ("NOT not status:failed", InStates(frozenset({S.FAILED}))),
        ("type:send_*", Matching(Field.TYPE, (("send_", ""),))),
        ("type:a:b/c", Matching(Field.TYPE, (("a:b/c",),))),
        ('type:"send_*"', Matching(Field.TYPE, (("send_*",),))),
        ("queue:mail,sms", Matching(Field.QUEUE, (("mail",), ("sms",)))),
        ('name:"a, \\"b\\" \\\\",c', Matching(Field.NAME, (('a, "b" \\',), ("c",)))),
        ("not tag:x", Matching(Field.TAG, (("x",),), negated=True)),
        ("reason:timeout", Matching(Field.REASON, (("timeout",),))),
        (f"id:{ID}", Matching(Field.ID, ((ID,),))),
        (f"owner:{ID}", Matching(Field.OWNER, ((ID,),))),
        (f"not workflow:{ID}", Matching(Field.WORKFLOW, ((ID,),), negated=True)),
        (f"schedule:{ID}", Matching(Field.SCHEDULE, ((ID,),))),
        ('error:"timed out"', Matching(Field.ERROR, (("timed out",),))),
        ("error:a*b", Matching(Field.ERROR, (("a*b",),))),
        ("payload.user.id:42", Matching(Field.PAYLOAD, (("42",),), ("user", "id"))),
        ("payload:42", Matching(Field.PAYLOAD, (("42",),))),
        ("priority:5", Compared(Field.PRIORITY, Op.EQUAL, 5)),
        ("not priority:>=-5", Compared(Field.PRIORITY, Op.AT_LEAST, -5, negated=True)),
        ("created:>2h", Compared(Field.CREATED, Op.LESS, NOW - 2 * HOUR)),
        ("created:<=1.5m", Compared(Field.CREATED, Op.AT_LEAST, NOW - 90 * SECOND)),
        ("not created:<3d", Compared(Field.CREATED, Op.AT_MOST, NOW - 3 * DAY)),
        ("finished:<250ms", Compared(Field.FINISHED, Op.MORE, NOW - SECOND // 4)),
        ("not finished:>1w", Compared(Field.FINISHED, Op.LESS, NOW - 7 * DAY, negated=True)),
        ("created:>=1970-01-02", Compared(Field.CREATED, Op.AT_LEAST, DAY)),
        ("created:<1970-01-02T01:00:00+01:00", Compared(Field.CREATED, Op.LESS, DAY)),
        ("created:>1970-01-02t00:00:00z", Compared(Field.CREATED, Op.MORE, DAY)),
        ("created:>999999999w", Compared(Field.CREATED, Op.LESS, MIN_INSTANT)),
        ("needle", Matching(Field.TEXT, (("needle",),))),
        ('not "two words: x"', Matching(Field.TEXT, (("two words: x",),), negated=True)),
        ("100%", Matching(Field.TEXT, (("100%",),))),
        ("notice", Matching(Field.TEXT, (("notice",),))),
    ],
)
def test_one_clause(text: str, clause: object) -> None:
    assert parse(text, NOW) == Query((clause,))  # type: ignore[arg-type]


def test_clauses_stand_one_after_the_other() -> None:
    text = ' status:failed  type:send_*\tnot tag:y\n"a b" c '
    assert [type(clause).__name__ for clause in parse(text, NOW).clauses] == [
        "InStates", "Matching", "Matching", "Matching", "Matching",
    ]  # fmt: skip
    assert parse("", NOW) == parse("  ", NOW) == Query()


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("quue:mail", 1, "unknown field, did you mean queue?"),
        ("status:failed http://x", 15, 'put in "quotes"'),
        ("zzzz:1", 1, "known are status, type"),
        ("Status:failed", 1, "did you mean status?"),
        ("status:faild", 1, "unknown status, did you mean failed?"),
        ("status:zzz", 1, "known are scheduled, blocked"),
        ("status:", 1, "status: needs a value, like status:failed"),
        ("queue: mail", 1, "needs a value"),
        ("payload.a:", 1, "needs a value"),
        ("tag:a,", 1, "a value is missing after the comma"),
        ("tag:a,,b", 1, "a value is missing at a comma"),
        ('tag:"a', 1, "a quote is not closed"),
        ('tag:"a"b', 1, "quoted whole or not at all"),
        ('tag:a"b"', 1, "quoted whole or not at all"),
        ('x "a', 3, "the quote is not closed"),
        ('tag:""', 1, "a value is empty"),
        ("a or b", 3, "either of two values: type:a,b"),
        ("a AND b", 3, 'to find the word: "AND"'),
        ("tag:a not", 7, "not stands before a clause"),
        ("type:a*b*c*", 1, "at most 2 *"),
        ("queue:>3", 1, 'quote the value to find it: ">3"'),
        ("queue.x:3", 1, "queue has no parts"),
        ("payload.a..b:1", 1, "up to 10 names"),
        ("payload.a[0]:1", 1, "up to 10 names"),
        ("id:0193474a", 1, "36 characters"),
        ("owner:ann", 1, "owner needs whole ids"),
        ("priority:high", 1, "an integer from -100 to 100"),
        ("priority:1,2", 1, "write priority: twice for a range"),
        ("created:2h", 1, "needs < or > before its value, like created:<2h"),
        ("created:=2h", 1, "needs < or >"),
        ("created:>2y", 1, "is not a span like 2h or 3d, nor a time"),
        ("created:>", 1, "is not a span"),
        ("created:>2026-02-30", 1, "is not a span"),
        ("created:>2026-01-31T08:30:00", 1, "needs a time zone"),
        (f"tag:{','.join('x' * (MAX_VALUES + 1))}", 1, f"at most {MAX_VALUES} values"),
    ],
)
def test_a_wrong_clause_is_pointed_at(text: str, place: int, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(text, NOW, "filter")
    (error,) = caught.value.errors
    assert error.pointer == "/filter"
    assert error.detail.startswith(f"character {place}, ")
    assert told in error.detail
    assert caught.value.detail == f"filter: {error.detail}"


def test_every_wrong_clause_is_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse('quue:a ok status:faild type:"b c" created:2h', NOW)
    places = [error.detail.split(",")[0] for error in caught.value.errors]
    assert places == ["character 1", "character 11", "character 35"]
    assert "'quue:a'" in caught.value.errors[0].detail


@pytest.mark.parametrize("text", ["x" * (MAX_LENGTH + 1), "x " * (MAX_CLAUSES + 1)])
def test_bounds(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^q: at most"):
        parse(text, NOW)


_WORDS = ["status:", "not ", "created:>", "payload.a:", '"', ",", "*", "failed", "2h", " ", "\\"]


@given(st.lists(st.sampled_from(_WORDS) | st.text(max_size=3), max_size=12).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        query = parse(text, NOW)
    except InvalidInput as refused:
        assert all(error.pointer == "/q" and error.detail for error in refused.errors)
    else:
        assert all(
            MIN_INSTANT <= c.number <= MAX_INSTANT or c.field is Field.PRIORITY
            for c in query.clauses
            if isinstance(c, Compared)
        )


def test_times_are_read_in_utc() -> None:
    (clause,) = parse("created:<2026-11-21", NOW).clauses
    assert isinstance(clause, Compared)
    assert clause.number == NOW - 12 * HOUR
