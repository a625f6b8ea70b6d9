"""Queues in both clients: their jobs, pausing, and what is set for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict, Unpack

from tenure.client.call import AsyncRunner, Call, Runner, nothing, path, reads
from tenure.wire.base import encode
from tenure.wire.queues import Queue, Queues

_queue = reads(Queue)
_queues = reads(Queues)


class QueueFields(TypedDict, total=False):
    """What is set for a queue; None takes a setting away. Numbers for times are seconds.

    `max_running`: how many of its jobs run at a time. `rate`: so many starts in so long, like
    `(10, 1)`. `aging`: the wait that counts as much as one step of priority.
    """

    max_running: int | None
    rate: tuple[int, timedelta | float] | None
    aging: timedelta | float | None


def _seconds(span: timedelta | float) -> float:
    return span.total_seconds() if isinstance(span, timedelta) else span


def _encode(version: int | None, fields: Mapping[str, Any]) -> bytes:
    told = dict(fields)
    if (rate := told.get("rate")) is not None:
        count, span = rate
        told["rate"] = {"count": count, "per_seconds": _seconds(span)}
    if "aging" in told:
        aging = told.pop("aging")
        told["aging_seconds"] = None if aging is None else _seconds(aging)
    return encode(told if version is None else told | {"version": version})


def _all() -> Call[list[Queue]]:
    return Call("GET", path("queues"), lambda a: _queues(a).items, repeatable=True)


def _one(name: str) -> Call[Queue]:
    return Call("GET", path("queues", name), _queue, repeatable=True)


def _set(name: str, version: int | None, fields: Mapping[str, Any]) -> Call[Queue]:
    # With a version a second try would find the first one's and be refused.
    body = _encode(version, fields)
    return Call("PUT", path("queues", name), _queue, body, repeatable=version is None)


def _unset(name: str) -> Call[None]:
    return Call("DELETE", path("queues", name), nothing, repeatable=True)


def _act(name: str, action: str, reason: str | None) -> Call[Queue]:
    body = encode({} if reason is None else {"reason": reason})
    return Call("POST", path("queues", name, action), _queue, body, repeatable=True)


class QueueMethods(Runner):
    """The part of `Client` about queues."""

    def queues(self) -> Sequence[Queue]:
        """Every queue with unfinished jobs, a worker or settings, by name."""
        return self.run(_all())

    def queue(self, name: str) -> Queue:
        """One queue; an empty one when nobody uses it."""
        return self.run(_one(name))

    def set_queue(
        self, name: str, version: int | None = None, **fields: Unpack[QueueFields]
    ) -> Queue:
        """Change what is set for a queue; only the given fields change. What runs goes on.

        With `version` only if it is the current one: raises VersionConflict. Raises InvalidInput.
        """
        return self.run(_set(name, version, fields))

    def unset_queue(self, name: str) -> None:
        """Take away all that is set for a queue, a pause too."""
        self.run(_unset(name))

    def pause_queue(self, name: str, reason: str | None = None) -> Queue:
        """Start no more jobs of a queue until it is resumed; what runs goes on."""
        return self.run(_act(name, "pause", reason))

    def resume_queue(self, name: str, reason: str | None = None) -> Queue:
        """Start jobs of a queue again."""
        return self.run(_act(name, "resume", reason))


class AsyncQueueMethods(AsyncRunner):
    """The part of `AsyncClient` about queues."""

    async def queues(self) -> Sequence[Queue]:
        """See `Client.queues`."""
        return await self.run(_all())

    async def queue(self, name: str) -> Queue:
        """See `Client.queue`."""
        return await self.run(_one(name))

    async def set_queue(
        self, name: str, version: int | None = None, **fields: Unpack[QueueFields]
    ) -> Queue:
        """See `Client.set_queue`."""
        return await self.run(_set(name, version, fields))

    async def unset_queue(self, name: str) -> None:
        """See `Client.unset_queue`."""
        await self.run(_unset(name))

    async def pause_queue(self, name: str, reason: str | None = None) -> Queue:
        """See `Client.pause_queue`."""
        return await self.run(_act(name, "pause", reason))

    async def resume_queue(self, name: str, reason: str | None = None) -> Queue:
        """See `Client.resume_queue`."""
        return await self.run(_act(name, "resume", reason))
