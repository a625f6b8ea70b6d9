"""Live events over HTTP: what is told, and how it is told apart."""

from __future__ import annotations

from tenure.wire.base import Output, Time
from tenure.wire.system import Minute


class Pulse(Output, kw_only=True):
    """The numbers of the topic `stats`, at most once a second. `totals` count since statistics are
    kept, so two pulses tell the rate between them; `minute` is the present one so far."""

    as_of: Time
    active: dict[str, int]
    oldest_pending_seconds: float | None = None
    workers: int
    slots: int
    totals: dict[str, int]
    minute: Minute | None = None
    start_delay_seconds: dict[str, float | None]


class Change(Output, kw_only=True):
    """Something of this topic changed: read it again."""

    topic: str
