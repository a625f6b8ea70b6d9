"""Handlers of the process tests. Each notes its start and its end in the journal."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenure import Context, handler


@contextmanager
def noted(ctx: Context) -> Iterator[None]:
    """A line at the start and one at the end, each written in one piece."""
    _note(ctx, "start")
    yield
    _note(ctx, "end")


def _note(ctx: Context, what: str) -> None:
    line = f"{ctx.job_id} {ctx.fence} {what} {os.getpid()} {time.monotonic():.6f}\n"
    file = os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


@handler("nap")
async def nap(seconds: float, ctx: Context) -> int:
    """Sleeps as it should."""
    with noted(ctx):
        await asyncio.sleep(seconds)
    return os.getpid()


@handler("gate")
async def gate(file: str, ctx: Context) -> int:
    """Runs until a file is there."""
    with noted(ctx):
        while not Path(file).exists():
            await asyncio.sleep(0.05)
    return os.getpid()


@handler("talk")
async def talk(file: str, ctx: Context) -> None:
    """Says one thing, and another once a file is there."""
    ctx.log.info("one")
    while not Path(file).exists():
        await asyncio.sleep(0.05)
    ctx.log.info("two")


@handler("steps")
async def steps(gate: str, ctx: Context) -> list[int]:
    """Goes on from the checkpoint, which says who took each step; each attempt takes one. The
    first then waits for a file, the second fails, the third returns."""
    taken = [*(ctx.checkpoint or []), os.getpid()]
    ctx.checkpoint = taken
    ctx.progress(len(taken) / 3, "saved")
    while len(taken) == 1 and not Path(gate).exists():
        await asyncio.sleep(0.05)
    if len(taken) == 2:
        raise RuntimeError("after the second step")
    return taken


@handler("child", isolation="process")
def child(seconds: float, ctx: Context) -> int:
    """The first attempt sleeps, the others return at once."""
    with noted(ctx):
        if ctx.attempt == 1:
            time.sleep(seconds)
    return os.getpid()


@handler("block-loop")
async def block_loop(seconds: float, ctx: Context) -> float:
    """Sleeps where it must not."""
    with noted(ctx):
        time.sleep(seconds)
    return seconds


def _burn(seconds: float) -> float:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        sum(n * n for n in range(1_000))
    return time.monotonic() - began


@handler("burn-loop")
async def burn_loop(seconds: float, ctx: Context) -> float:
    with noted(ctx):
        return _burn(seconds)


@handler("burn-thread")
def burn_thread(seconds: float, ctx: Context) -> float:
    with noted(ctx):
        return _burn(seconds)


@handler("burn-child", isolation="process")
def burn_child(seconds: float, ctx: Context) -> float:
    with noted(ctx):
        return _burn(seconds)


@handler("hold-gil", isolation="process")
def hold_gil(seconds: int, ctx: Context) -> float:
    """One call into C that lets no other thread run until it is over."""
    with noted(ctx):
        began = time.monotonic()
        ctypes.PyDLL(None).sleep(seconds)
        return time.monotonic() - began
