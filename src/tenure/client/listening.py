"""Live events as they come."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tenure.client.call import path
from tenure.client.retrying import Patience
from tenure.client.streams import Stream
from tenure.wire.live import Change, Pulse

_pulse = msgspec.json.Decoder(Pulse)
_change = msgspec.json.Decoder(Change)


class LiveEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of kind `stats`, with the numbers in `stats`; `change`: what `topic` names is not what it
    was, read it again; or `resync`: some were missed, read everything again. `id` is what to come
    back with."""

    id: str
    kind: str
    topic: str | None = None
    stats: Pulse | None = None


class Listener(Stream[LiveEvent]):
    """One reading of live events; it has no end of its own."""

    def __init__(self, topics: Sequence[str], after: str | None, patience: Patience) -> None:
        asked = ",".join(topics) if topics else None
        super().__init__(path("events", topics=asked), patience, after=after)

    def _read(self, id_: str, kind: str, data: bytes) -> LiveEvent | None:
        match kind:
            case "stats":
                return LiveEvent(id_, kind, stats=_pulse.decode(data))
            case "change":
                return LiveEvent(id_, kind, topic=_change.decode(data).topic)
            case "resync":
                return LiveEvent(id_, kind)
        return None  # of a later version

    def _late(self) -> str:
        return "nothing more was wanted"
