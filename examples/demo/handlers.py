"""Two handlers for the demo: one that recovers, one that never does."""

from __future__ import annotations

from typing import Any

from tenure import Context, handler


@handler("flaky")
async def flaky(payload: dict[str, Any], ctx: Context) -> str:
    """Fail the first attempts, as many as the payload says."""
    if ctx.attempt <= payload["failures"]:
        raise ConnectionError(f"attempt {ctx.attempt} found nobody at home")
    return f"worked at attempt {ctx.attempt}"


@handler("doomed")
def doomed(payload: dict[str, Any]) -> None:
    """Fail every time. A plain function runs in a thread."""
    raise ValueError(f"{payload['file']} is not a picture")
