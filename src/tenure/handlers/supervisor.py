"""Runs one script and leaves nothing of it behind. Started as a file, standard library only.

`python -I -S supervisor.py CONFIG`: reads and removes the JSON file CONFIG, starts its `argv` in a
session of its own under its `limits`, and waits. Every descendant of the script, daemons included,
becomes a child of this process when its own parent ends, because this process is their subreaper.
When the script has ended, on SIGTERM after `grace_seconds`, and on SIGINT at once, all of them are
killed. Ends as the script did: with its exit code, or by its signal.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

PROGRESS_FD = 3
"""Where the script finds the pipe for its progress."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_WAKING = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}
_CLEARING_SECONDS = 2.0
_CANNOT_START = 127
_MAX_FD = 65_536


def main() -> NoReturn:
    """Run the script; see the module."""
    file = Path(sys.argv[1])
    config: dict[str, Any] = json.loads(file.read_bytes())
    file.unlink()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != config["parent"]:
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAKING)
    script = os.fork()
    if script == 0:
        _become(config)
    status = _wait(script, config["grace_seconds"])
    _kill_group(script, signal.SIGKILL)
    ended = _clear(script)
    _end_like(ended if status is None else status)


def _become(config: dict[str, Any]) -> NoReturn:
    """In the child: take the limits, then be the script."""
    try:
        os.setsid()
        _take_progress(config["progress"])
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        for name, limit in config["limits"].items():
            _limit(getattr(resource, name), limit)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # what Python ignores would be inherited
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAKING)
        os.execve(config["argv"][0], config["argv"], config["env"])  # noqa: S606 - the point
    except OSError as error:
        os.write(2, f"cannot start {config['argv'][0]}: {error.strerror}\n".encode())
    os._exit(_CANNOT_START)


def _take_progress(descriptor: int) -> None:
    """Make it descriptor 3: a shell may know only those of one digit."""
    if descriptor != PROGRESS_FD:
        os.dup2(descriptor, PROGRESS_FD)
        os.close(descriptor)
    os.set_inheritable(PROGRESS_FD, True)
    os.closerange(PROGRESS_FD + 1, _MAX_FD)  # uvloop lets copies of the standard ones through


def _limit(kind: int, limit: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(kind, (limit, limit))


def _wait(script: int, grace_seconds: float) -> int | None:
    """The wait status of the script; None when it is to be killed: its grace is over, or SIGINT."""
    deadline: float | None = None
    while True:
        status = _reap(script)
        if status is not None:
            return status
        left = 3600.0 if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return None
        woken = signal.sigtimedwait(_WAKING, left)
        if woken is None:
            continue
        if woken.si_signo == signal.SIGINT:
            return None
        if woken.si_signo == signal.SIGTERM and deadline is None:
            deadline = time.monotonic() + grace_seconds
            _kill_group(script, signal.SIGTERM)


def _clear(script: int) -> int:
    """Kill and reap descendants until none is left; the script's status if it is among them."""
    until = time.monotonic() + _CLEARING_SECONDS
    status = signal.SIGKILL.value
    while time.monotonic() < until:
        children = _children()
        if not children:
            break
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        status = _reap(script) or status
        signal.sigtimedwait({signal.SIGCHLD}, 0.02)
    return status


def _reap(script: int) -> int | None:
    """Collect every child that has ended; the script's status if it was one of them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == script:
            found = status


def _children() -> list[int]:
    """Direct children that still run."""
    me, found = os.getpid(), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == me and fields[0] not in "ZX":
            found.append(int(entry.name))
    return found


def _kill_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _end_like(status: int) -> NoReturn:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


if __name__ == "__main__":
    main()
