"""The child process of `isolation="process"`.

`python -m tenure.worker.child FD PARENT [LEVEL FORMAT]`, the last two being those of its log.

Runs one task after another in its main thread. A second thread hears the worker: it flags a run
that should stop, and ends the process when the worker is gone.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import inspect
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from queue import SimpleQueue
from types import FrameType

import msgspec

from tenure.telemetry import scope
from tenure.wire.leases import ReportItem
from tenure.worker import frames, outcome
from tenure.worker.door import Door
from tenure.worker.invocation import Invocation
from tenure.worker.registry import Registry
from tenure.worker.targets import load_file

_PR_SET_PDEATHSIG = 1


class Terminated(BaseException):
    """SIGTERM: unwinds the handler, so that its `finally` blocks run."""


class Parent:
    """The worker at the other end of the socket; the channel of the running context."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self.cancelled = False
        self.door = Door("", None)
        self.tasks: SimpleQueue[frames.Task] = SimpleQueue()

    def listen(self) -> None:
        """Hear the worker until it is gone; then nothing here matters any more."""
        # A worker that was killed resets the connection, or leaves half a frame.
        with suppress(OSError, msgspec.DecodeError), self._connection.makefile("rb") as stream:
            while len(head := stream.read(frames.LENGTH_BYTES)) == frames.LENGTH_BYTES:
                frame = frames.to_child.decode(stream.read(frames.length(head)))
                if isinstance(frame, frames.Task):
                    self.cancelled = False
                    self.tasks.put(frame)
                else:
                    self.cancelled = True
        os._exit(0)

    def send(self, frame: frames.Frame) -> None:
        packed = frames.pack(frame)
        try:
            with self._sending:
                self._connection.sendall(packed)
        except OSError:
            os._exit(0)  # the worker is gone

    def note_progress(self, fraction: float | None, message: str | None) -> None:
        self.send(frames.Progressed(fraction=fraction, message=message))

    def note_checkpoint(self, value: bytes) -> None:
        self.send(frames.Saved(value=msgspec.Raw(value)))

    def note_log(self, level: str, text: str) -> None:
        self.send(frames.Said(level=level, text=text))


def _find(task: frames.Task) -> Invocation:
    for entry in task.path:
        if entry not in sys.path:
            sys.path.append(entry)
    file = None if task.file is None else Path(task.file)
    module = importlib.import_module(str(task.module)) if file is None else load_file(file)
    registry = Registry()
    registry.add(attrgetter(task.qualname)(module), file=file)
    handler = registry.get(task.lease.type)
    if handler is None:
        raise LookupError(f"{task.qualname} is no longer the handler of {task.lease.type}")
    return Invocation(handler)


def _report(
    task: frames.Task, found: dict[tuple[str | None, ...], Invocation], parent: Parent
) -> ReportItem:
    key = (task.lease.type, task.module, task.file, task.qualname)
    door = parent.door
    if (door.url, door.token, door.ca_file) != (task.url, task.token, task.ca_file):
        door.close()
        parent.door = Door(task.url, task.token, task.ca_file)
    try:
        if key not in found:
            found[key] = _find(task)
        scope.CURRENT.set(task.lease)
        value = found[key].call(task.lease, parent)
        if inspect.iscoroutine(value):
            value = asyncio.run(value)
    except BaseException as error:
        return outcome.raised(task.lease, error)
    return outcome.completed(task.lease, value)


def _on_term(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _die_with(parent: int) -> None:
    """Be killed when the worker's thread that started this process ends, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _log_as(terms: list[str]) -> None:
    """Lines of handlers look as the worker's, if it says how."""
    if terms:
        from tenure.telemetry.logging import configure

        level, form = terms
        configure(level, "json" if form == "json" else "text")


def main() -> None:
    """Serve tasks for ever; the worker ends this process."""
    descriptor, parent_pid = int(sys.argv[1]), int(sys.argv[2])
    _die_with(parent_pid)
    os.set_inheritable(descriptor, False)
    signal.signal(signal.SIGTERM, _on_term)
    _log_as(sys.argv[3:])
    parent = Parent(socket.socket(fileno=descriptor))
    threading.Thread(target=parent.listen, daemon=True).start()
    found: dict[tuple[str | None, ...], Invocation] = {}
    while True:
        task = parent.tasks.get()
        parent.send(frames.Ended(report=_report(task, found, parent)))


if __name__ == "__main__":
    main()
