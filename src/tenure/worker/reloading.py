"""`--reload`: a worker process that is started anew whenever one of its files changes."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from loguru import logger

LOOK_SECONDS = 0.3
STOP_SECONDS = 10.0


class Reloader:
    """Runs `command` as a child process and restarts it when one of `files` changes.

    The child is drained by SIGTERM and killed after `STOP_SECONDS`. One that ends by itself with an
    error is started again after the next change.
    """

    def __init__(self, command: Sequence[str], files: Sequence[Path]) -> None:
        self._command = list(command)
        self._files = list(files)
        self._stop = threading.Event()

    def stop(self) -> None:
        """End the child and `run`."""
        self._stop.set()

    def run(self) -> int:
        """Until `stop`, SIGTERM, SIGINT (when called in the main thread), or a child that ends
        well; the exit code."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._on_signal)
        while True:
            seen = self._stamps()
            child = subprocess.Popen(self._command)
            changed = self._watch(child, seen)
            code = _end(child)
            if not changed:
                return code
            logger.info("A file changed, restarting the worker")

    def _watch(self, child: subprocess.Popen[bytes], seen: list[int]) -> bool:
        """Whether a file changed, before a stop or an orderly end of the child."""
        while not self._stop.wait(LOOK_SECONDS):
            if self._stamps() != seen:
                return True
            if child.poll() == 0:
                return False
        return False

    def _stamps(self) -> list[int]:
        return [file.stat().st_mtime_ns if file.exists() else 0 for file in self._files]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()


def _end(child: subprocess.Popen[bytes]) -> int:
    if child.poll() is None:
        child.terminate()
    try:
        return child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
