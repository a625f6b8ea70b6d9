"""Handlers that the tests run in child processes."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from loguru import logger

from tenure.domain.run import Retry
from tenure.worker.context import Context
from tenure.worker.registry import handler


@handler("pid", isolation="process")
def pid(payload: dict[str, Any], ctx: Context) -> dict[str, Any]:
    ctx.log.info("from a child")
    ctx.progress(0.5, "half")
    former = ctx.checkpoint
    ctx.checkpoint = {"seen": payload}
    return {"pid": os.getpid(), "session": os.getsid(0), "got": payload, "former": former}


@handler("async", isolation="process")
async def in_loop(payload: Any) -> str:
    await asyncio.sleep(0)
    return "async in a child"


@handler("crash", isolation="process")
def crash(payload: str) -> None:
    if payload == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if payload == "segfault":
        ctypes.string_at(0)
    if payload == "leave a child":
        subprocess.Popen(["sleep", "60"])
    os._exit(7)


@handler("retry", isolation="process")
def again(payload: Any) -> None:
    raise Retry("later", after=3)


@handler("error", isolation="process")
def error(payload: int) -> None:
    raise ValueError(f"broken {payload}")


@handler("patient", isolation="process")
def patient(payload: Any, ctx: Context) -> str:
    ctx.progress(0.1, "waiting")
    while not ctx.cancelled:
        time.sleep(0.005)
    return "stopped by its flag"


@handler("deaf", isolation="process")
def deaf(payload: str, ctx: Context) -> None:
    """Ignores everything, with a grandchild in its group; `payload` is where the pids go."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    grandchild = subprocess.Popen(["sleep", "60"])
    Path(payload).write_text(f"{os.getpid()} {grandchild.pid}")
    ctx.progress(0.1, "deaf")
    while True:
        time.sleep(60)


@handler("tidy", isolation="process")
def tidy(payload: str, ctx: Context) -> None:
    """Removes the file `payload` when SIGTERM unwinds it."""
    file = Path(payload)
    file.touch()
    try:
        ctx.progress(0.1, "begun")
        time.sleep(60)
    finally:
        file.unlink()


@handler("adds", isolation="process")
def adds(ctx: Context) -> str:
    return ctx.submit_now("part", {"n": 1}, key="from-child").id


@handler("traced", isolation="process")
def traced(payload: None, ctx: Context) -> str | None:
    return ctx.traceparent


@handler("says", isolation="process")
def says() -> None:
    logging.getLogger("library").info("by the standard library")
    logger.warning("by loguru")
