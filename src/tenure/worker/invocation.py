"""A handler made ready to be called with a lease."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenure.wire.leases import Lease
from tenure.worker.context import Channel, Context
from tenure.worker.registry import Handler

Call = Callable[[Lease, Channel], Any]
"""Decodes the payload and calls the handler: a value, or a coroutine of an async one.

Raises InvalidPayload, and whatever a plain function raises.
"""


class Invocation:
    """The handler and how it is called, chosen once so that no job pays for the choice."""

    __slots__ = ("call", "handler")

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.call = _call(handler)


def _call(handler: Handler) -> Call:
    function = handler.function
    if handler.arguments == "none":
        return lambda lease, channel: function()
    if handler.arguments == "context":
        return lambda lease, channel: function(Context(lease, channel))
    decode = handler.payload.decoder()
    if handler.arguments == "payload":
        return lambda lease, channel: function(decode(lease.payload))
    return lambda lease, channel: function(decode(lease.payload), Context(lease, channel))
