"""A command that keeps running, as a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.typed import clean

_URL = re.compile(r"http://[^\s/]+:\d+")


class Served:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.said = ""
        self.url = ""

    def listen(self) -> None:
        """Read stderr until it names the address."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said += line
            if match := _URL.search(line):
                self.url = match[0]
                return
        raise AssertionError(f"it did not start: {self.said}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code after the signal; what it still said is in `said`."""
        self._process.send_signal(number)
        out, err = self._process.communicate(timeout=30)
        self.said += err
        assert out == ""
        return self._process.returncode


@contextmanager
def serving(*words: str, directory: Path, **environment: str) -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tenure", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=directory,
        env=clean() | environment,
    )
    try:
        yield Served(process)
    finally:
        process.kill()
        process.communicate()
