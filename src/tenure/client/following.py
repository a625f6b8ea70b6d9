"""Reading a log that is still being written, without missing or repeating a line."""

from __future__ import annotations

from tenure.client import routes
from tenure.client.call import Call
from tenure.wire.base import Page
from tenure.wire.jobs import Job, LogLine

POLL_SECONDS = 1.0
"""How long one look at the job is held; a line is at most this late."""


class Follower:
    """The state of one follow: how far the log was read, and whether the job had ended then."""

    def __init__(self, id_: str) -> None:
        self._id = id_
        self._after: str | None = None
        self._read = (-1, -1)
        self._more = True
        self._finished = False
        self.ended = False

    def lines(self) -> Call[Page[LogLine]]:
        """The next part of the log; give its answer to `take`."""
        return routes.logs(self._id, None, None, self._after)

    def take(self, page: Page[LogLine]) -> list[LogLine]:
        """The lines of a page not seen before. An unfinished last page is read again later."""
        fresh = [line for line in page.items if (line.fence, line.index) > self._read]
        if fresh:
            self._read = (fresh[-1].fence, fresh[-1].index)
        self._more = page.next is not None
        if self._more:
            self._after = page.next
        else:
            self.ended = self._finished
        return fresh

    def job(self) -> Call[Job] | None:
        """A look at the job before the log is read again; None when there is more to read now."""
        if self._more or self.ended:
            return None
        return routes.get(self._id, wait=POLL_SECONDS)

    def saw(self, job: Job) -> None:
        """The answer of `job`: once the job has ended, the log is read one last time."""
        self._finished = job.finished
