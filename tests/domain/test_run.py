from __future__ import annotations

import pytest

from tenure.domain.run import REPORTABLE, Cancel, Fail, HandlerSignal, Outcome, Retry, Snooze


def test_a_worker_reports_what_the_coordinator_cannot_know() -> None:
    assert set(Outcome) - set(REPORTABLE) == {Outcome.RELEASED, Outcome.LOST}


def test_retry_leaves_the_delay_to_the_policy() -> None:
    assert Retry("busy").after is None
    assert str(Retry("busy")) == "busy"
    assert Retry(after=2.5).after == 2.5


def test_snooze_says_how_long() -> None:
    assert Snooze(30).after == 30
    assert str(Snooze(30, "not yet")) == "not yet"


@pytest.mark.parametrize("signal", [Retry(), Fail("bad input"), Snooze(1), Cancel("no longer")])
def test_signals_are_told_from_errors(signal: HandlerSignal) -> None:
    with pytest.raises(HandlerSignal):
        raise signal
