"""What a person types, in this process and in one of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from tenure.cli.main import build


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[list[str]]:
        """Tab-separated cells by line, the header left out."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]


class Typed:
    """`tenure ...` against one coordinator, with these variables besides."""

    def __init__(self, url: str, **environment: str) -> None:
        self.url = url
        self._environment = environment

    def __call__(self, *words: str, stdin: str | bytes | None = None) -> Done:
        environment = clean() | {"TENURE_COORDINATOR_URL": self.url} | self._environment
        hidden: dict[str, str | None] = {
            name: None for name in os.environ if name.startswith("TENURE_")
        }
        result = CliRunner().invoke(
            build(), list(words), input=stdin, env=hidden | environment, prog_name="tenure"
        )
        return Done(result.exit_code, result.stdout, result.stderr)


def clean() -> dict[str, str]:
    """The environment without what would be a setting."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TENURE_")}


def spawn(*words: str, stdin: str = "", **environment: str) -> Done:
    """`python -m tenure ...` as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tenure", *words],
        input=stdin,
        capture_output=True,
        text=True,
        env=clean() | environment,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def beside(*words: str, **environment: str) -> subprocess.Popen[str]:
    """`python -m tenure ...` that goes on beside the test, its output in pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "tenure", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean() | environment,
    )


def at_terminal(*words: str, drawing: Callable[[bytes], object] = len, **environment: str) -> str:
    """What a command draws on a terminal, stderr included. `drawing` is told all that was drawn
    so far whenever there is more."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tenure", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=clean() | {"TERM": "xterm-256color", "COLUMNS": "60"} | environment,
    )
    os.close(theirs)
    drawn = b""
    with contextlib.suppress(OSError):  # how a terminal says that the other side has closed it
        while part := os.read(ours, 65_536):
            drawn += part
            drawing(drawn)
    os.close(ours)
    process.wait(60)
    return drawn.decode().replace("\r\n", "\n")
