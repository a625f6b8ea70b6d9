"""When a rule speaks, when trouble is over, and when a message is tried again."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain.clock import SECOND
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.domain.notification import (
    MAX_ATTEMPTS,
    OF_STATE,
    RETRY_SECONDS,
    Standing,
    Terms,
    Told,
    Topic,
    meet,
    next_attempt,
    recovers_at,
)

WINDOW = 10 * SECOND
Heard = list[tuple[int, Told]]


def heard(terms: Terms, instants: list[int]) -> tuple[Standing, Heard]:
    """How a rule stands after events at these seconds, and at which of them it spoke."""
    standing, said = Standing(), []
    for at in instants:
        standing, told = meet(terms, standing, at * SECOND)
        if told is not None:
            said.append((at, told))
    return standing, said


def test_topics_say_what_they_are_about() -> None:
    assert {topic.kind for topic in Topic} == {"job", "workflow", "schedule", "worker"}
    assert set(OF_STATE) == TERMINAL - {JobState.SKIPPED}
    assert all(topic.kind == "job" for topic in OF_STATE.values())


def test_a_plain_rule_tells_of_every_event() -> None:
    standing, said = heard(Terms(), [1, 1, 2])
    assert said == [(1, Told(1, 0)), (1, Told(1, 0)), (2, Told(1, 0))]
    assert (standing.hits, standing.told_at, standing.alarmed) == ((), 2 * SECOND, False)
    assert recovers_at(Terms(), standing) is None


def test_a_threshold_counts_inside_its_window_and_then_anew() -> None:
    terms = Terms(threshold=3, window=WINDOW)
    _, said = heard(terms, [0, 5, 11, 12, 13, 14, 15])
    # At 11 the event at 0 is out; 5, 11, 12 are three, and 13, 14, 15 the next three.
    assert said == [(12, Told(3, 0)), (15, Told(3, 0))]


def test_the_window_is_open_at_its_far_end() -> None:
    terms = Terms(threshold=2, window=WINDOW)
    assert heard(terms, [0, 10])[1] == []
    standing, _ = meet(terms, Standing(), 1)
    assert meet(terms, standing, WINDOW)[1] == Told(2, 0)


def test_what_the_cool_down_passes_over_is_counted_in_the_next_message() -> None:
    terms = Terms(window=WINDOW, cool_down=60 * SECOND)
    standing, said = heard(terms, [0, 1, 59, 60, 61])
    assert said == [(0, Told(1, 0)), (60, Told(1, 2))]
    assert standing.suppressed == 1


def test_below_the_threshold_a_cool_down_passes_nothing_over() -> None:
    terms = Terms(threshold=2, window=WINDOW, cool_down=60 * SECOND)
    standing, said = heard(terms, [0, 1, 2])
    assert said == [(1, Told(2, 0))]
    assert (standing.suppressed, standing.hits) == (0, (2 * SECOND,))


def test_trouble_is_over_a_window_after_the_last_event_not_the_told_one() -> None:
    terms = Terms(threshold=2, window=WINDOW, cool_down=600 * SECOND, recovery=True)
    quiet, _ = heard(terms, [0])
    assert recovers_at(terms, quiet) is None
    alarmed, said = heard(terms, [0, 1, 8])
    assert len(said) == 1
    assert recovers_at(terms, alarmed) == 18 * SECOND


@given(
    threshold=st.integers(1, 5),
    window=st.integers(1, 30),
    cool_down=st.integers(0, 60),
    gaps=st.lists(st.integers(0, 20), max_size=60),
)
def test_no_event_is_told_of_twice_and_silence_is_kept(
    threshold: int, window: int, cool_down: int, gaps: list[int]
) -> None:
    instants = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    terms = Terms(threshold, window * SECOND, cool_down * SECOND)
    standing, said = heard(terms, instants)
    assert all(told.count == threshold for _, told in said)
    assert len(said) * threshold <= len(instants)
    assert len(standing.hits) <= threshold
    spoken = [at for at, _ in said]
    assert all(b - a >= cool_down for a, b in pairwise(spoken))
    for at in spoken:
        assert sum(at - window < one <= at for one in instants) >= threshold
    if threshold == 1:  # then every event is either told of or counted
        assert len(said) + sum(told.suppressed for _, told in said) + standing.suppressed == len(
            instants
        )


def test_a_day_of_attempts() -> None:
    assert MAX_ATTEMPTS == 11
    assert 23 * 3_600 < sum(RETRY_SECONDS) < 24 * 3_600
    assert next_attempt(MAX_ATTEMPTS, 0, 0.5) is None
    plan = [next_attempt(attempts, 0, 0.5) for attempts in range(1, MAX_ATTEMPTS)]
    assert plan == [seconds * SECOND for seconds in RETRY_SECONDS]


@pytest.mark.parametrize(("random", "seconds"), [(0.0, 4.5), (0.5, 5.0), (0.999, 5.499)])
def test_attempts_are_spread_by_a_tenth(random: float, seconds: float) -> None:
    assert next_attempt(1, 7, random) == pytest.approx(7 + seconds * SECOND)


@pytest.mark.parametrize(("asked", "seconds"), [(0, 5), (1, 5), (90, 90), (10**9, 3_600)])
def test_a_receiver_may_ask_for_more_time_up_to_an_hour(asked: float, seconds: float) -> None:
    assert next_attempt(1, 0, 0.5, asked) == seconds * SECOND
