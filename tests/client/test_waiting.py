from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.client import flows, routes
from tenure.domain.errors import WaitTimeout


def test_without_a_limit_every_poll_is_held_as_long_as_may_be() -> None:
    wait = routes.waiting("j", None)
    for _ in range(3):
        call = wait.next()
        assert call.path == "/api/jobs/j?wait=30.0"
        assert call.timeout == 40.0
        assert call.repeatable


@pytest.mark.parametrize("timeout", [2, 2.0, timedelta(seconds=2)])
def test_the_last_poll_is_as_short_as_the_time_left(timeout: timedelta | float) -> None:
    path = routes.waiting("j", timeout).next().path
    assert 1.5 < float(path.partition("wait=")[2]) <= 2.0


def test_one_look_is_had_even_without_time() -> None:
    wait = routes.waiting("j", 0)
    assert wait.next().path == "/api/jobs/j?wait=0.0"
    with pytest.raises(WaitTimeout, match="job j"):
        wait.next()


def test_a_workflow_is_waited_for_in_the_same_way() -> None:
    wait = flows.waiting("w", 0)
    call = wait.next()
    assert (call.path, call.timeout, call.repeatable) == ("/api/workflows/w?wait=0.0", 10.0, True)
    with pytest.raises(WaitTimeout, match="workflow w"):
        wait.next()
