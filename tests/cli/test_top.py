from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.test_jobs import made
from tests.cli.typed import Typed, clean
from tests.client.scripted import free_port
from tests.worker.running import Running


@pytest.mark.parametrize("words", [["--once"], []])
def test_one_plain_frame_where_nobody_looks(tenure: Typed, worker: str, words: list[str]) -> None:
    made(tenure, "topped", "--queue", "topped")
    done = tenure("top", *words)
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    lines = done.out.splitlines()
    assert lines[0].startswith(f"tenure {tenure.url} ")
    assert [line.split()[0] for line in lines[1:5]] == ["jobs", "last", "now", "fleet"]
    assert any(line.startswith(f"{worker} ") and " online " in line for line in lines)


def test_programs_get_the_numbers(tenure: Typed) -> None:
    told = tenure("top", "-o", "json").json
    assert told.keys() == {"stats", "queues", "workers"}


def test_nobody_there_is_said_at_once() -> None:
    done = Typed(f"http://127.0.0.1:{free_port()}")("top")
    assert (done.code, done.out) == (8, "")


def test_a_terminal_gets_its_screen_back_after_ctrl_c(running: Running) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tenure", "top", "--url", running.url]
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=clean() | {"TERM": "xterm"},
    )
    os.close(theirs)
    drawn = b""
    try:
        drawn += _read(ours, b"/s ")  # the second frame: rates are known
        process.send_signal(signal.SIGINT)
        drawn += _read(ours, b"\x1b[?1049l")
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
    assert (process.returncode, said) == (0, b"")
    assert b"\x1b[?1049h" in drawn
    assert running.url.encode() in drawn


def _read(terminal: int, until: bytes) -> bytes:
    """What is drawn up to a text."""
    drawn, ends = b"", time.monotonic() + 30
    while until not in drawn:
        assert time.monotonic() < ends, drawn[-500:]
        if select.select([terminal], [], [], 0.1)[0]:
            drawn += os.read(terminal, 65_536)
    return drawn
