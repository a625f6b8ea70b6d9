"""Limits of concurrency keys over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tenure.wire.base import Input, Output, Time

MAX_RUNNING = 1_000_000


class LimitIn(Input):
    """How many jobs of a concurrency key may be pending or running at a time."""

    max_running: Annotated[int, Field(ge=0, le=MAX_RUNNING, strict=True)]


class Limit(Output, kw_only=True):
    """A concurrency key's limit and its use: `admitted` = pending + running. `updated_at` is null
    for the default of one. `waiting` counts up to 10,000."""

    key: str
    max_running: int
    admitted: int
    pending: int
    running: int
    waiting: int
    updated_at: Time | None = None
