"""`sample`: work that does nothing, slowly, and says how far it is."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tenure.worker.context import Context
from tenure.worker.registry import handler


class Sample(BaseModel):
    """`seconds` of work in `steps`; `fail_at` makes it fail before that step, counted from 1."""

    model_config = ConfigDict(extra="forbid")

    seconds: Annotated[float, Field(ge=0, le=86_400)] = 5.0
    steps: Annotated[int, Field(ge=1, le=100_000)] = 10
    fail_at: Annotated[int, Field(ge=1)] | None = None


class SampleFailed(Exception):  # noqa: N818 - the name is what users read in a job's error
    """The payload asked for it."""


@handler("sample")
async def sample(payload: Sample | None, ctx: Context) -> dict[str, float]:
    """Sleep through the steps, with progress; an attempt after the first goes on where the last
    one was. Returns the steps and the seconds this attempt took."""
    work = payload or Sample()
    began = time.monotonic()
    done = ctx.checkpoint or 0
    for step in range(done + 1, work.steps + 1):
        if step == work.fail_at:
            ctx.log.error(f"step {step} fails, as asked")
            raise SampleFailed(f"step {step} was asked to fail")
        await asyncio.sleep(work.seconds / work.steps)
        ctx.checkpoint = step
        ctx.progress(step / work.steps, f"step {step} of {work.steps}")
    ctx.log.info(f"{work.steps} steps done")
    return {"steps": work.steps, "seconds": round(time.monotonic() - began, 3)}
