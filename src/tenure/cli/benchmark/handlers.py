"""The handlers of the benchmark's worker: `tenure worker tenure.cli.benchmark.handlers`."""

from __future__ import annotations

import socket
import time
from typing import Any

from tenure import handler
from tenure.cli.benchmark.plan import NOOP, START


@handler(NOOP)
async def noop(payload: Any) -> None:
    """Do nothing."""


@handler(START)
async def start(payload: dict[str, Any]) -> None:
    """Tell when this handler began: CLOCK_MONOTONIC nanoseconds, in a datagram to the loopback
    port `payload["port"]`, behind the number `payload["number"]` and a blank."""
    began = time.monotonic_ns()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(f"{payload['number']} {began}".encode(), ("127.0.0.1", payload["port"]))
