"""Workers over HTTP: registration and the fleet's view."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tenure.wire.base import Input, Output, Text, Time, Word
from tenure.wire.leases import MAX_SLOTS

PROTOCOL = 1
Label = Annotated[Text, Field(max_length=200)]


class HandlerIn(Input):
    """A type the worker can run. `schema` is the JSON Schema of its payload."""

    name: Word
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None


class RegisterIn(Input):
    """A worker introduces itself. `protocol` is the version of the lease protocol it speaks."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    hostname: Annotated[Text, Field(max_length=255)] = ""
    pid: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] = 0
    version: Annotated[Text, Field(max_length=50)] = ""
    protocol: Annotated[int, Field(ge=1, le=1000, strict=True)] = PROTOCOL
    queues: Annotated[tuple[Word, ...], Field(min_length=1, max_length=100)] = ("default",)
    types: Annotated[tuple[HandlerIn, ...], Field(max_length=1_000)] = ()
    slots: Annotated[int, Field(ge=0, le=MAX_SLOTS, strict=True)] = 10
    labels: Annotated[dict[Label, Label], Field(max_length=32)] = Field(default_factory=dict)


class Registered(Output, kw_only=True):
    worker_id: str
    session_token: str
    lease_seconds: float
    heartbeat_seconds: float
    poll_seconds: float


class Worker(Output, kw_only=True):
    """A worker as the coordinator sees it. `state`: online, draining, lost or gone."""

    id: str
    name: str
    hostname: str
    pid: int
    version: str
    state: str
    queues: list[str]
    types: list[str]
    slots: int
    running: int
    labels: dict[str, str]
    registered_at: Time
    last_seen_at: Time
