"""`echo`: logs and returns its payload."""

from __future__ import annotations

from typing import Any

import msgspec

from tenure.worker.context import Context
from tenure.worker.registry import handler

_SHOWN = 2_000


@handler("echo")
async def echo(payload: Any, ctx: Context) -> Any:
    """Return the payload as it is, after logging it (its first 2,000 characters)."""
    text = msgspec.json.encode(payload).decode()
    ctx.log.info(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
    return payload
