from __future__ import annotations

import os
import time
from pathlib import Path

from tenure.cli.benchmark import machine


def test_a_process_uses_time_and_memory() -> None:
    meter = machine.Meter(os.getpid())
    ends = time.process_time() + 0.05
    while time.process_time() < ends:
        pass
    used = meter.used()
    assert used is not None
    assert 0.02 <= used < 5
    resident, peak = machine.rss_mb(os.getpid()), machine.peak_rss_mb(os.getpid())
    assert resident is not None
    assert peak is not None
    assert 5 < resident <= peak


def test_no_process() -> None:
    assert machine.Meter(None).used() is None
    assert machine.rss_mb(2**31 - 1) is None


def test_description() -> None:
    cores = machine.describe()["cores"]
    assert isinstance(cores, int)
    assert cores >= 1
    assert machine.filesystem(Path("/proc/self")) == "proc"
