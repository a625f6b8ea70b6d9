"""Reading a log that is still being written."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from tenure.client.call import path
from tenure.client.retrying import Patience
from tenure.client.streams import Stream
from tenure.wire.jobs import LogLine

_line = msgspec.json.Decoder(LogLine)


class Follower(Stream[LogLine]):
    """One follow, until the job has ended."""

    def __init__(
        self,
        id_: str,
        fence: int | None,
        timeout: timedelta | float | None,
        patience: Patience,
    ) -> None:
        super().__init__(path("jobs", id_, "logs", follow=True, fence=fence), patience, timeout)
        self._id = id_

    def _read(self, id_: str, kind: str, data: bytes) -> LogLine:
        return _line.decode(data)

    def _late(self) -> str:
        return f"job {self._id} did not finish in time"
