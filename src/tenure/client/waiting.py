"""Waiting for a job or a workflow to end, by long polls."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

from tenure.client.call import Call
from tenure.domain.errors import WaitTimeout

LONGEST_WAIT = 30.0
"""Seconds that one poll is held at most."""
Read = TypeVar("Read")


class Wait(Generic[Read]):
    """One wait. `look` is a poll held for so many seconds. `timeout`: a timedelta or seconds; None
    waits for ever. `what` names it in the error."""

    def __init__(
        self, look: Callable[[float], Call[Read]], timeout: timedelta | float | None, what: str
    ) -> None:
        self._look = look
        self._what = what
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._asked = False

    def next(self) -> Call[Read]:
        """The next poll. The first one is made even without any time left.

        Raises WaitTimeout when the time is up.
        """
        slice_ = LONGEST_WAIT
        if self._ends is not None:
            left = self._ends - time.monotonic()
            if left <= 0 and self._asked:
                raise WaitTimeout(f"{self._what} did not finish in time")
            slice_ = max(0.0, min(slice_, left))
        self._asked = True
        return self._look(round(slice_, 3))
