from __future__ import annotations

import pytest

from tenure.domain.edges import Condition, Join, Verdict, Waiting, forgiven, met, standing
from tenure.domain.lifecycle import TERMINAL, JobState

ALL, ANY = Join.ALL, Join.ANY
GOOD, BAD = (Condition.SUCCESS, JobState.COMPLETED), (Condition.SUCCESS, JobState.FAILED)
OPEN = (Condition.SUCCESS, None)


def test_conditions() -> None:
    found = {on: {state for state in TERMINAL if met(on, state)} for on in Condition}
    assert found == {
        Condition.SUCCESS: {JobState.COMPLETED},
        Condition.FAILURE: {JobState.FAILED, JobState.EXPIRED},
        Condition.DONE: set(TERMINAL),
    }


@pytest.mark.parametrize(
    ("join", "steps", "verdicts"),
    [
        (ALL, [True, True], [Verdict.WAIT, Verdict.RUN]),
        (ALL, [False], [Verdict.SKIP]),
        (ANY, [True, False], [Verdict.RUN, Verdict.WAIT]),
        (ANY, [False, True], [Verdict.WAIT, Verdict.RUN]),
        (ANY, [False, False], [Verdict.WAIT, Verdict.SKIP]),
    ],
)
def test_edges_close_one_by_one(join: Join, steps: list[bool], verdicts: list[Verdict]) -> None:
    waiting = Waiting(join, 2)
    assert [waiting.settle(is_met=step) for step in steps] == verdicts


@pytest.mark.parametrize(
    ("join", "parents", "waits", "after_retry"),
    [
        (ALL, [GOOD, OPEN], 1, 1),
        (ALL, [GOOD, GOOD], 0, 0),
        (ALL, [BAD, OPEN], None, 1),
        (ALL, [BAD], None, 0),
        (ANY, [BAD, OPEN, OPEN], 2, 2),
        (ANY, [GOOD, OPEN], 0, 0),
        (ANY, [BAD, BAD], None, 0),
    ],
)
def test_how_a_job_stands(
    join: Join,
    parents: list[tuple[Condition, JobState | None]],
    waits: int | None,
    after_retry: int,
) -> None:
    assert standing(join, parents) == waits
    assert forgiven(join, parents) == after_retry
