"""A child process whose worker is gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tenure.worker import frames
from tests.worker.scenes import lease


@contextmanager
def _child() -> Iterator[tuple[socket.socket, subprocess.Popen[str]]]:
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-m", "tenure.worker.child", str(theirs.fileno()), str(os.getpid())],
        pass_fds=(theirs.fileno(),),
        stderr=subprocess.PIPE,
        text=True,
    )
    theirs.close()
    try:
        yield ours, process
    finally:
        ours.close()
        process.kill()
        process.communicate()


def _task(type_: str, qualname: str) -> bytes:
    task = frames.Task(
        lease=lease(type_, {}),
        url="http://127.0.0.1:1",
        token=None,
        ca_file=None,
        module="tests.worker.process_handlers",
        file=None,
        qualname=qualname,
        path=[str(Path.cwd())],
    )
    return frames.pack(task)


@pytest.mark.parametrize("left", ["nothing", "half a frame", "unread frames"])
def test_it_ends_quietly_when_its_worker_is_gone(left: str) -> None:
    with _child() as (worker, process):
        packed = _task("pid", "pid")
        if left == "half a frame":
            worker.sendall(packed[:-5])
        if left == "unread frames":
            worker.sendall(packed)
            assert worker.recv(1, socket.MSG_PEEK)
        worker.close()
        _, said = process.communicate(timeout=15)
        assert (process.returncode, said) == (0, "")
