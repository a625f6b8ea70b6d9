"""Reading a stream of server-sent events: bytes in, items out, without missing or repeating one
when the connection breaks."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import Generic, TypeVar

import msgspec

from tenure.client.retrying import Patience
from tenure.domain.errors import TenureError, Unreachable, WaitTimeout

Item = TypeVar("Item")
_MAX_EVENT = 1024 * 1024


class Stream(ABC, Generic[Item]):
    """The state of one reading. `timeout`: a timedelta or seconds; None reads for ever. `after`:
    the event to go on behind.

    Open `path` with `headers`, give what comes to `take`, and at the end of the stream call
    `closed`; after an error wait for `pause` and open it again, until `ended`.
    """

    def __init__(
        self,
        path: str,
        patience: Patience,
        timeout: timedelta | float | None = None,
        after: str | None = None,
    ) -> None:
        self.path = path
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._patience = patience
        self._failures = 0
        self._failing_since = 0.0
        self._begun = b""
        self._at = after
        self.ended = False

    @abstractmethod
    def _read(self, id_: str, kind: str, data: bytes) -> Item | None:
        """The item of one event that has an id; None for one to pass over.

        Raises msgspec.DecodeError.
        """

    @abstractmethod
    def _late(self) -> str:
        """What to say when the time is up."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Where to go on."""
        return {} if self._at is None else {"Last-Event-ID": self._at}

    def silence(self, longest: float) -> float:
        """Seconds without a byte after which to give up this stream, at most `longest`."""
        left = longest if self._ends is None else self._ends - time.monotonic()
        return max(0.001, min(longest, left))

    def take(self, chunk: bytes) -> list[Item]:
        """The items of a part of the stream. Raises WaitTimeout when the time is up."""
        self._check_time()
        self._failures = 0
        *events, self._begun = (self._begun + chunk).split(b"\n\n")
        if len(self._begun) > _MAX_EVENT:
            raise TenureError("the answer is not one of a coordinator of this version")
        return [item for event in events if (item := self._event(event)) is not None]

    def _event(self, event: bytes) -> Item | None:
        fields = dict(line.partition(b": ")[::2] for line in event.split(b"\n"))
        kind = fields.get(b"event", b"")
        if kind == b"end":
            self.ended = True
        if b"id" not in fields:
            return None
        try:
            id_ = fields[b"id"].decode("ascii")
            item = self._read(id_, kind.decode(), fields.get(b"data", b""))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise TenureError("the answer is not one of a coordinator of this version") from None
        self._at = id_
        return item

    def closed(self) -> None:
        """The stream is over. Raises Unreachable unless it has ended: the coordinator stopped, or
        wants to be asked again."""
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
            raise WaitTimeout(self._late())
