"""What the operating system knows: processor time and memory of a process, and the machine itself.

Read from /proc, so None where there is none (the figures that need it are then left out).
"""

from __future__ import annotations

import os
import platform
import resource
import time
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float | None:
    """Processor seconds (user and system, all threads) that `pid` has used so far."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold blanks: count fields from behind it.
    fields = text[text.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def busy_percent(seconds: float) -> float | None:
    """How busy all cores were over the next `seconds`, of 100; None where that is not known."""
    before = _ticks()
    time.sleep(seconds)
    after = _ticks()
    if before is None or after is None or after[1] <= before[1]:
        return None
    return 100 * (after[0] - before[0]) / (after[1] - before[1])


def _ticks() -> tuple[int, int] | None:
    """Busy and all ticks of all cores since the start of the machine."""
    try:
        line = (_PROC / "stat").read_text().partition("\n")[0]
    except OSError:
        return None
    ticks = [int(word) for word in line.split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


class Meter:
    """Processor seconds of one process since this was made."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._before = self._now()

    def used(self) -> float | None:
        """None where they cannot be read, or for no process."""
        now = self._now()
        return None if now is None or self._before is None else now - self._before

    def _now(self) -> float | None:
        return None if self._pid is None else cpu_seconds(self._pid)


def rss_mb(pid: int) -> float | None:
    """Resident memory of `pid` now, in units of 1,048,576 bytes."""
    return _status_mb(pid, "VmRSS")


def peak_rss_mb(pid: int) -> float | None:
    """The largest resident memory `pid` ever had, in units of 1,048,576 bytes."""
    return _status_mb(pid, "VmHWM")


def _status_mb(pid: int, field: str) -> float | None:
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) / 1024
    return None


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one (65,536 at most); children inherit it.

    Returns the soft limit then in force.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def filesystem(path: Path) -> str | None:
    """The kind of file system that holds `path`, for instance ext4. On tmpfs an fsync is free."""
    try:
        lines = (_PROC / "self/mounts").read_text().splitlines()
    except OSError:
        return None
    best, kind = -1, None
    for line in lines:
        _, where, name, *_ = line.split(" ")
        mount = Path(where.replace("\\040", " "))
        if path.resolve().is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), name
    return kind


def describe() -> dict[str, str | int | None]:
    """Processor, cores, memory and system of this machine."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _processor() -> str:
    try:
        lines = (_PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
