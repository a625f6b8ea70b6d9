"""A worker as a process of its own."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from contextlib import AbstractContextManager, nullcontext

from loguru import logger

from tenure.telemetry.tracing import open_tracing
from tenure.worker.meters import WorkerMeters
from tenure.worker.options import WorkerOptions
from tenure.worker.registry import Registry
from tenure.worker.runtime import WorkerRuntime
from tenure.worker.signals import run_until_signalled

_GC_THRESHOLDS = (50_000, 20, 50)
"""Leases and reports come by the hundred and hold no cycles; the default of 700 would look at them
again and again."""


def serve(options: WorkerOptions, registry: Registry) -> int:
    """Run until drained or stopped; the exit code. Call it in the main thread.

    Raises ConfigurationError, and what the coordinator answers when it refuses this worker.
    """
    tracing = open_tracing("tenure-worker") if options.tracing else None
    meters = None if options.metrics_port is None else WorkerMeters()
    runtime = WorkerRuntime(options, registry, tracing=tracing, meters=meters)
    try:
        with _exposed(options, meters):
            return _serve(options, runtime)
    finally:
        if tracing is not None:
            tracing.close()


def _exposed(options: WorkerOptions, meters: WorkerMeters | None) -> AbstractContextManager[int]:
    if meters is None or options.metrics_port is None:
        return nullcontext(0)
    from tenure.worker.exposition import exposed  # slow to import, and seldom wanted

    return exposed(meters, options.metrics_host, options.metrics_port)


def _serve(options: WorkerOptions, runtime: WorkerRuntime) -> int:
    logger.bind(
        coordinator=options.url, types=runtime.types, queues=options.queues, slots=options.slots
    ).info("Worker starts")
    gc.set_threshold(*_GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        code = runner.run(run_until_signalled(runtime))
        if runtime.stubborn:
            logger.bind(handlers=runtime.stubborn).warning("Ending without handlers that go on")
            sys.stderr.flush()
            os._exit(code)  # closing the loop would wait for them
    return code


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.Loop
