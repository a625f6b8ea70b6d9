"""What a worker and its child processes say to each other.

A frame is four bytes of length, big-endian, and a JSON message with its kind in `is`.
"""

from __future__ import annotations

import msgspec

from tenure.wire.leases import Lease, ReportItem

MAX_FRAME = 64 * 1024 * 1024
LENGTH_BYTES = 4


class Frame(msgspec.Struct, kw_only=True, tag_field="is"):
    """Base of all messages."""


class Task(Frame, kw_only=True, tag="task"):
    """Run one lease: the handler `type` found as `qualname` in a module or a file.

    `path` is the worker's import path; `url`, `token` and `ca_file` lead to the coordinator.
    """

    lease: Lease
    url: str
    token: str | None
    ca_file: str | None
    module: str | None
    file: str | None
    qualname: str
    path: list[str]


class Stopping(Frame, kw_only=True, tag="stopping"):
    """The run should stop: `ctx.cancelled` becomes true."""


class Progressed(Frame, kw_only=True, tag="progressed"):
    fraction: float | None
    message: str | None


class Saved(Frame, kw_only=True, tag="saved"):
    """A checkpoint."""

    value: msgspec.Raw


class Said(Frame, kw_only=True, tag="said"):
    """A log line."""

    level: str
    text: str


class Ended(Frame, kw_only=True, tag="ended"):
    """How the run ended, as it goes to the coordinator."""

    report: ReportItem


FromChild = Progressed | Saved | Said | Ended
ToChild = Task | Stopping

_ENCODER = msgspec.json.Encoder()
from_child: msgspec.json.Decoder[FromChild] = msgspec.json.Decoder(FromChild)
to_child: msgspec.json.Decoder[ToChild] = msgspec.json.Decoder(ToChild)


def pack(frame: Frame) -> bytes:
    """`frame` with its length in front."""
    body = _ENCODER.encode(frame)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def length(head: bytes) -> int:
    """The length that the first four bytes of a frame say. Raises ValueError above `MAX_FRAME`."""
    size = int.from_bytes(head, "big")
    if size > MAX_FRAME:
        raise ValueError(f"a frame of {size} bytes")
    return size
