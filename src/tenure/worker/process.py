"""Child processes for handlers that must be killable.

A child runs one job at a time and is used again. It has a session of its own, is killed with its
whole group, and dies with the worker. Children are started from the loop's thread: the death signal
follows the thread that forked.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Self

import msgspec

from tenure.wire.leases import ReportItem
from tenure.worker import frames
from tenure.worker.holding import Run
from tenure.worker.options import LogTerms
from tenure.worker.outcome import HandlerCrashed

_LAST_WORDS_SECONDS = 0.2
_REAP_SECONDS = 2.0


class Child:
    """One child process. Everything but `kill` belongs to the loop that started it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._killer: asyncio.TimerHandle | None = None
        self._watch = asyncio.get_running_loop().create_task(self._watch_exit())

    @classmethod
    async def start(cls, log: LogTerms | None) -> Self:
        """Start an idle child, whose lines look as `log` says. Raises HandlerCrashed when the
        system gives no process."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "tenure.worker.child",
                    str(theirs.fileno()),
                    str(os.getpid()),
                    *(log or ()),
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise HandlerCrashed(f"no child process could be started: {error}") from None
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it may be given another job: it runs, and was never asked to stop."""
        return self._process.returncode is None and self._killer is None

    async def run(self, run: Run) -> ReportItem:
        """Run one lease to its end. Raises HandlerCrashed when the child dies before."""
        origin = run.invocation.handler.origin
        assert origin is not None  # noqa: S101 - the registry gives one to every process handler
        self._send(
            frames.Task(
                lease=run.lease,
                url=run.door.url,
                token=run.door.token,
                ca_file=run.door.ca_file,
                module=origin.module,
                file=origin.file,
                qualname=origin.qualname,
                path=sys.path,
            )
        )
        while True:
            frame = await self._receive()
            if isinstance(frame, frames.Ended):
                return frame.report
            if isinstance(frame, frames.Progressed):
                run.note_progress(frame.fraction, frame.message)
            elif isinstance(frame, frames.Saved):
                run.note_checkpoint(bytes(frame.value))
            else:
                run.note_log(frame.level, frame.text)

    def stop(self, grace_seconds: float, *, gently: bool) -> None:
        """Ask the handler to stop, by SIGTERM too unless `gently`; kill it after the grace."""
        self._send(frames.Stopping())
        if not gently:
            self._signal(signal.SIGTERM)
        if self._killer is not None:
            self._killer.cancel()
        self._killer = asyncio.get_running_loop().call_later(grace_seconds, self.kill)

    def kill(self) -> None:
        """Kill the whole group. For any thread."""
        self._signal(signal.SIGKILL)

    async def close(self) -> None:
        """Kill it if it still runs, and wait until it is gone."""
        self.kill()
        if self._killer is not None:
            self._killer.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_REAP_SECONDS):
                await self._process.wait()
        self._watch.cancel()
        self._writer.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _send(self, frame: frames.Frame) -> None:
        if not self._writer.is_closing():
            self._writer.write(frames.pack(frame))

    async def _receive(self) -> frames.FromChild:
        try:
            head = await self._reader.readexactly(frames.LENGTH_BYTES)
            body = await self._reader.readexactly(frames.length(head))
            return frames.from_child.decode(body)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise HandlerCrashed(await self._epitaph()) from None
        except (ValueError, msgspec.DecodeError) as error:
            raise HandlerCrashed(f"the child process spoke nonsense: {error}") from None

    async def _epitaph(self) -> str:
        """How the process ended, which the end of its pipe may be ahead of."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_REAP_SECONDS):
                await self._process.wait()
        code = self._process.returncode
        if code is None:
            return "the child process closed its pipe"
        if code >= 0:
            return f"the child process ended with exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = "unknown"
        return f"the child process was killed by signal {-code} ({name})"

    async def _watch_exit(self) -> None:
        """End the reading when the process ends: a grandchild may keep the pipe open."""
        await self._process.wait()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.sleep(_LAST_WORDS_SECONDS)
        self._reader.feed_eof()


class Children:
    """The children of one worker: as many as process handlers have run at the same time."""

    def __init__(self, log: LogTerms | None) -> None:
        self._log = log
        self._idle: list[Child] = []
        self._busy: set[Child] = set()

    async def run(self, run: Run) -> ReportItem:
        """Run one lease in a child. Raises HandlerCrashed.

        `run.child` is set meanwhile. A child that was asked to stop is not used again.
        """
        child = await self._take()
        self._busy.add(child)
        try:
            run.child = child
            if run.stop is not None:  # read after `child` is set: whoever flags later kills it
                raise HandlerCrashed("stopped before it began")
            return await child.run(run)
        finally:
            run.child = None
            self._busy.discard(child)
            if child.usable and run.stop is None:
                self._idle.append(child)
            else:
                await child.close()

    async def close(self) -> None:
        """Kill all of them."""
        children = [*self._idle, *self._busy]
        self._idle.clear()
        await asyncio.gather(*(child.close() for child in children))

    async def _take(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if child.usable:
                return child
            await child.close()
        return await Child.start(self._log)
