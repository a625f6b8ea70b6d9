"""What a handler is given beside its payload."""

from __future__ import annotations

import asyncio
import math
from typing import Any, Protocol, Unpack

import msgspec

from tenure.client import routes
from tenure.client.submission import SubmitFields, Submitted, encode_job
from tenure.domain.errors import TooLarge
from tenure.domain.run import Cancel
from tenure.telemetry import scope
from tenure.wire.leases import Lease, Parent
from tenure.wire.text import clean
from tenure.worker.door import Door

MAX_CHECKPOINT = 64 * 1024
MAX_PROGRESS_MESSAGE = 500


class Channel(Protocol):
    """Where a run's notes go: to the worker itself, or through a pipe from a child process."""

    cancelled: bool

    @property
    def door(self) -> Door: ...

    def note_progress(self, fraction: float | None, message: str | None) -> None: ...

    def note_checkpoint(self, value: bytes) -> None: ...

    def note_log(self, level: str, text: str) -> None: ...


class Log:
    """A run's own log. Lines are kept with the run and sent in batches."""

    __slots__ = ("_channel",)

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def debug(self, message: object) -> None:
        self._channel.note_log("debug", str(message))

    def info(self, message: object) -> None:
        self._channel.note_log("info", str(message))

    def warning(self, message: object) -> None:
        self._channel.note_log("warning", str(message))

    def error(self, message: object) -> None:
        self._channel.note_log("error", str(message))


class Context:
    """One run as its handler sees it. Usable from the loop, from threads and in child processes."""

    __slots__ = ("_channel", "_checkpoint", "_lease")

    def __init__(self, lease: Lease, channel: Channel) -> None:
        self._lease = lease
        self._channel = channel
        self._checkpoint: bytes | None = None

    @property
    def job_id(self) -> str:
        return self._lease.job_id

    @property
    def attempt(self) -> int:
        """1 for the first."""
        return self._lease.attempt

    @property
    def max_attempts(self) -> int:
        return self._lease.max_attempts

    @property
    def fence(self) -> int:
        """Grows with every lease of the job: give it to a store that refuses older ones."""
        return self._lease.fence

    @property
    def idempotency_key(self) -> str:
        """The same in every attempt: give it to whatever must act only once."""
        return self._lease.job_id

    @property
    def type(self) -> str:
        return self._lease.type

    @property
    def name(self) -> str | None:
        return self._lease.name

    @property
    def queue(self) -> str:
        return self._lease.queue

    @property
    def tags(self) -> list[str]:
        return self._lease.tags

    @property
    def parents(self) -> dict[str, Parent]:
        """The ended jobs this one depends on, by their key in the workflow or else their id.

        `ctx.parents["fetch"].result` is what it returned. Results beyond 1 MiB in all are left out
        (`omitted`).
        """
        return self._lease.parents

    @property
    def traceparent(self) -> str | None:
        """The trace this run is part of, as W3C writes it: of its own span when the worker traces,
        else what the job was submitted with."""
        given = self._lease.traceparent
        return given if isinstance(given, str) else None

    @property
    def log(self) -> Log:
        return Log(self._channel)

    @property
    def cancelled(self) -> bool:
        """Whether the run should stop: cancel asked for, lease lost, or time out."""
        return self._channel.cancelled

    def raise_if_cancelled(self) -> None:
        """Raise Cancel when `cancelled`."""
        if self._channel.cancelled:
            raise Cancel("cancelled while running")

    def progress(self, fraction: float | None = None, message: str | None = None) -> None:
        """Tell how far the run is: `fraction` from 0 to 1 (cut to that), a short message.

        Sent at most once a second; only the latest counts. Raises ValueError for NaN.
        """
        if fraction is not None:
            if math.isnan(fraction):
                raise ValueError("fraction must be a number from 0 to 1")
            fraction = min(max(float(fraction), 0.0), 1.0)
        if message is not None:
            message = clean(str(message))[:MAX_PROGRESS_MESSAGE]
        self._channel.note_progress(fraction, message)

    async def submit(
        self,
        type: str,  # noqa: A002
        payload: Any = None,
        *,
        key: str | None = None,
        **fields: Unpack[SubmitFields],
    ) -> Submitted:
        """Submit a job from this one, for async handlers. See `submit_now`."""
        return await asyncio.to_thread(self.submit_now, type, payload, key=key, **fields)

    def submit_now(
        self,
        type: str,  # noqa: A002
        payload: Any = None,
        *,
        key: str | None = None,
        **fields: Unpack[SubmitFields],
    ) -> Submitted:
        """Submit a job from this one, blocking the thread until it is on disk.

        It joins this job's workflow, and every job that waits for this one waits for it too. With
        `key`, unique in the workflow (without one: among the jobs of this job), a second attempt
        finds the job of the first. Raises LeaseLost when this lease has ended, Conflict when the
        workflow was cancelled, InvalidInput.
        """
        parent = {"job_id": self._lease.job_id, "fence": self._lease.fence}
        trace = fields.get("traceparent") or scope.traceparent() or self.traceparent
        given = {**fields, "key": key, "parent": parent, "traceparent": trace}
        job = encode_job(type, payload, given)
        return self._channel.door.run(routes.submit_from(job, named=key is not None))

    @property
    def checkpoint(self) -> Any:
        """What an earlier attempt or this one saved, decoded anew at each read; None at first."""
        if self._checkpoint is not None:
            return msgspec.json.decode(self._checkpoint)
        former = self._lease.checkpoint
        return msgspec.json.decode(former) if isinstance(former, msgspec.Raw) else None

    @checkpoint.setter
    def checkpoint(self, value: Any) -> None:
        """Any JSON up to 64 KiB, kept between attempts. Raises TooLarge, TypeError."""
        encoded = msgspec.json.encode(value)
        if len(encoded) > MAX_CHECKPOINT:
            raise TooLarge(f"checkpoint: {len(encoded)} bytes, at most {MAX_CHECKPOINT}")
        self._checkpoint = encoded
        self._channel.note_checkpoint(encoded)
