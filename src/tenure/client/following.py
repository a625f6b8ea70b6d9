"""Reading a log that is still being written: events in, lines out, without missing or repeating
one when the connection breaks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from tenure.client.call import path
from tenure.client.retrying import Patience
from tenure.domain.errors import TenureError, Unreachable, WaitTimeout
from tenure.wire.jobs import LogLine

_MAX_EVENT = 1024 * 1024
_line = msgspec.json.Decoder(LogLine)


class Follower:
    """The state of one follow. `timeout`: a timedelta or seconds; None follows for ever.

    Open `path` with `headers`, give what comes to `take`, and at the end of the stream call
    `closed`; after an error wait for `pause` and open it again, until `ended`.
    """

    def __init__(
        self,
        id_: str,
        fence: int | None,
        timeout: timedelta | float | None,
        patience: Patience,
    ) -> None:
        self._id = id_
        self.path = path("jobs", id_, "logs", follow=True, fence=fence)
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._patience = patience
        self._failures = 0
        self._failing_since = 0.0
        self._begun = b""
        self._at: str | None = None
        self.ended = False

    @property
    def headers(self) -> Mapping[str, str]:
        """Where to go on."""
        return {} if self._at is None else {"Last-Event-ID": self._at}

    def silence(self, longest: float) -> float:
        """Seconds without a byte after which to give up this stream, at most `longest`."""
        left = longest if self._ends is None else self._ends - time.monotonic()
        return max(0.001, min(longest, left))

    def take(self, chunk: bytes) -> list[LogLine]:
        """The lines of a part of the stream. Raises WaitTimeout when the time is up."""
        self._check_time()
        self._failures = 0
        *events, self._begun = (self._begun + chunk).split(b"\n\n")
        if len(self._begun) > _MAX_EVENT:
            raise TenureError("the answer is not one of a coordinator of this version")
        return [line for event in events if (line := self._event(event)) is not None]

    def _event(self, event: bytes) -> LogLine | None:
        fields = dict(line.partition(b": ")[::2] for line in event.split(b"\n"))
        if fields.get(b"event") == b"end":
            self.ended = True
        if b"id" not in fields:
            return None
        try:
            line = _line.decode(fields.get(b"data", b""))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise TenureError("the answer is not one of a coordinator of this version") from None
        self._at = fields[b"id"].decode()
        return line

    def closed(self) -> None:
        """The stream is over. Raises Unreachable when the job is not: the coordinator stopped."""
        self._begun = b""
        if not self.ended:
            raise Unreachable("the coordinator ended the stream")

    def pause(self, error: TenureError) -> float:
        """Seconds to wait before the stream is opened again.

        Raises `error` when there is no patience left for it, WaitTimeout when the time is up.
        """
        self._check_time()
        self._begun = b""
        now = time.monotonic()
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        wait = self._patience.delay(error, self._failures, now - self._failing_since)
        if wait is None:
            raise error
        return wait

    def _check_time(self) -> None:
        if self._ends is not None and time.monotonic() >= self._ends:
            raise WaitTimeout(f"job {self._id} did not finish in time")
