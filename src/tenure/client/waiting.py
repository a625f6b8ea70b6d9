"""Waiting for a job to end, by long polls."""

from __future__ import annotations

import time
from datetime import timedelta

from tenure.client import routes
from tenure.client.call import Call
from tenure.domain.errors import WaitTimeout
from tenure.wire.jobs import Job


class Wait:
    """One wait for one job. `timeout`: a timedelta or seconds; None waits for ever."""

    def __init__(self, id_: str, timeout: timedelta | float | None) -> None:
        self._id = id_
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._asked = False

    def next(self) -> Call[Job]:
        """The next poll. The first one is made even without any time left.

        Raises WaitTimeout when the time is up.
        """
        slice_ = routes.LONGEST_WAIT
        if self._ends is not None:
            left = self._ends - time.monotonic()
            if left <= 0 and self._asked:
                raise WaitTimeout(f"job {self._id} did not finish in time")
            slice_ = max(0.0, min(slice_, left))
        self._asked = True
        return routes.get(self._id, wait=round(slice_, 3))
