from __future__ import annotations

from dataclasses import fields
from itertools import product

import pytest

from tenure.domain.errors import IllegalTransition
from tenure.domain.lifecycle import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    Choice,
    Circumstances,
    Event,
    JobState,
    mermaid,
    parse_state,
    ready,
    sources,
    step,
)

# The page of promises, written out a second time: event, from, every state it can lead to.
READY = "blocked scheduled pending"
PAGE = f"""
unblock      | blocked                                    | {READY}
promote      | scheduled                                  | {READY}
claim        | pending                                    | running
complete     | running                                    | completed
fail         | running                                    | scheduled pending failed cancelled
expire_lease | running                                    | scheduled pending failed cancelled
release      | running                                    | pending failed cancelled
snooze       | running                                    | scheduled cancelled
cancel       | scheduled blocked pending paused           | cancelled
cancel       | running                                    | running
pause        | scheduled blocked pending                  | paused
resume       | paused                                     | {READY}
expire       | scheduled blocked pending paused           | expired
skip         | blocked paused                             | skipped
retry        | completed failed cancelled skipped expired | {READY}
"""


def _page() -> dict[tuple[str, str], set[str]]:
    table: dict[tuple[str, str], set[str]] = {}
    for line in PAGE.strip().splitlines():
        event, origins, targets = (part.strip() for part in line.split("|"))
        for origin in origins.split():
            table[origin, event] = set(targets.split())
    return table


def _every_circumstance() -> list[Circumstances]:
    names = [field.name for field in fields(Circumstances)]
    return [
        Circumstances(**dict(zip(names, values, strict=True)))
        for values in product([False, True], repeat=len(names))
    ]


@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("state", list(JobState))
def test_every_pair_is_as_the_page_says(state: JobState, event: Event) -> None:
    expected = _page().get((state, event))
    if expected is None:
        with pytest.raises(IllegalTransition) as caught:
            step(state, event)
        assert state in str(caught.value)
        return
    reached = {step(state, event, facts) for facts in _every_circumstance()}
    assert {str(goal) for goal in reached} == expected
    target = TRANSITIONS[state, event]
    listed = target.targets if isinstance(target, Choice) else (target,)
    assert set(listed) == reached


@pytest.mark.parametrize("event", list(Event))
def test_sources_are_the_first_column(event: Event) -> None:
    assert {str(s) for s in sources(event)} == {s for s, e in _page() if e == event}


def test_terminal_states_leave_only_by_retry() -> None:
    assert {str(s) for s in TERMINAL} == {"completed", "failed", "cancelled", "skipped", "expired"}
    assert {str(s) for s in ACTIVE} == {"scheduled", "blocked", "pending", "paused", "running"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Circumstances(), "pending"),
        (Circumstances(key_full=True), "blocked"),
        (Circumstances(due_later=True), "scheduled"),
        (Circumstances(due_later=True, key_full=True), "scheduled"),
        (Circumstances(edge_open=True, due_later=True), "blocked"),
        (Circumstances(edge_open=True), "blocked"),
    ],
)
def test_ready_asks_edges_then_time_then_key(facts: Circumstances, expected: str) -> None:
    assert ready(facts) == expected
    assert step(JobState.PAUSED, Event.RESUME, facts) == expected


FAILURES = [
    (Circumstances(), "pending"),
    (Circumstances(due_later=True), "scheduled"),
    (Circumstances(attempts_left=False, due_later=True), "failed"),
    (Circumstances(retryable=False), "failed"),
    (Circumstances(retryable=False, cancelled=True), "cancelled"),
    (Circumstances(cancelled=True, due_later=True), "cancelled"),
]


@pytest.mark.parametrize("event", [Event.FAIL, Event.EXPIRE_LEASE])
@pytest.mark.parametrize(("facts", "expected"), FAILURES)
def test_a_failure_cancels_or_gives_up_or_goes_on(
    event: Event, facts: Circumstances, expected: str
) -> None:
    assert step(JobState.RUNNING, event, facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Circumstances(), "pending"),
        (Circumstances(due_later=True), "pending"),
        (Circumstances(retryable=False), "failed"),
        (Circumstances(attempts_left=False), "failed"),
        (Circumstances(attempts_left=False, cancelled=True), "cancelled"),
    ],
)
def test_a_release_waits_for_nothing(facts: Circumstances, expected: str) -> None:
    assert step(JobState.RUNNING, Event.RELEASE, facts) == expected


def test_a_snooze_waits_unless_cancelled() -> None:
    assert step(JobState.RUNNING, Event.SNOOZE) == "scheduled"
    assert step(JobState.RUNNING, Event.SNOOZE, Circumstances(cancelled=True)) == "cancelled"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("queued", "pending"),
        (" Queued ", "pending"),
        ("IN-PROGRESS", "running"),
        ("in_progress", "running"),
        ("Dead", "failed"),
        ("stopped", "cancelled"),
        ("Completed", "completed"),
    ],
)
def test_states_by_earlier_words(word: str, state: str) -> None:
    assert parse_state(word) == state


@pytest.mark.parametrize("word", ["", "done", "pendin"])
def test_other_words_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match=repr(word)):
        parse_state(word)


def test_the_diagram_holds_every_arrow_once() -> None:
    lines = mermaid().splitlines()
    arrows = [
        f"    {origin} --> {target}: {event}"
        for (origin, event), targets in _page().items()
        for target in targets
    ]
    starts = [f"    [*] --> {state}" for state in READY.split()]
    ends = [f"    {state} --> [*]" for state in TERMINAL]
    assert lines[0] == "stateDiagram-v2"
    assert sorted(lines[1:]) == sorted(arrows + starts + ends)
