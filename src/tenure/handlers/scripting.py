"""What `python` and `shell` jobs share: the payload, and running it under the supervisor.

This is no sandbox: who may submit scripts owns the worker's account. It keeps scripts from leaving
processes, files and floods of output behind, and from seeing the worker's environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tenure.handlers import supervisor
from tenure.handlers.pipes import OutputLog, ProgressLines, read_pipe
from tenure.worker.context import Context

GRACE_SECONDS = 3.0
"""From SIGTERM to SIGKILL of a script that is cancelled or out of time."""

PIPE_SECONDS = 1.0
"""How long the pipes may stay open once the script has ended."""

LIMITS = {
    "RLIMIT_AS": 4 * 2**30,
    "RLIMIT_CPU": 3600,
    "RLIMIT_FSIZE": 2**30,
    "RLIMIT_CORE": 0,
}
"""Bytes, and seconds of CPU, for each process of a script."""

_PATH = "/usr/local/bin:/usr/bin:/bin"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Script(BaseModel):
    """A script and what it is given. `stdin`: text as it is, anything else as JSON."""

    model_config = ConfigDict(extra="forbid")

    script_content: Annotated[str, Field(min_length=1)]
    args: Annotated[list[str], Field(max_length=1_000)] = []
    env: Annotated[dict[str, str], Field(max_length=1_000)] = {}
    stdin: Any = None

    @field_validator("args")
    @classmethod
    def _args(cls, value: list[str]) -> list[str]:
        if any("\0" in text for text in value):
            raise ValueError("must not hold NUL")
        return value

    @field_validator("env")
    @classmethod
    def _env(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _NAME.fullmatch(name) or "\0" in text:
                raise ValueError("names are letters, digits and _; values must not hold NUL")
        return value


class ScriptFailed(Exception):  # noqa: N818 - the name is what users read in a job's error
    """The script ended with another exit code than 0, or by a signal."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`argv` comes before the script's file, whose name ends with `suffix`."""

    argv: tuple[str, ...]
    suffix: str


async def run_script(script: Script, ctx: Context, interpreter: Interpreter) -> dict[str, Any]:
    """Run `script` to its end and return `exit_code` (0) and the tail of its `output`.

    Raises ScriptFailed. When cancelled it stops the script: SIGTERM, grace, SIGKILL, for every
    process it started.
    """
    if sys.platform != "linux":
        raise ScriptFailed("scripts run on Linux only")
    room = Path(tempfile.mkdtemp(prefix="tenure-script-"))
    try:
        return await _run_in(room, script, ctx, interpreter)
    finally:
        await asyncio.to_thread(shutil.rmtree, room, ignore_errors=True)


async def _run_in(
    room: Path, script: Script, ctx: Context, interpreter: Interpreter
) -> dict[str, Any]:
    output, progress = OutputLog(ctx), ProgressLines(ctx)
    heard, told = os.pipe()
    printed, printing = os.pipe()
    try:
        config = _lay_out(room, script, interpreter, told)
        process = await _start(room, config, printing, told)
    except BaseException:
        for descriptor in (heard, printed):
            os.close(descriptor)
        raise
    finally:
        for descriptor in (told, printing):
            os.close(descriptor)
    pipes = [
        asyncio.ensure_future(read_pipe(printed, output)),
        asyncio.ensure_future(read_pipe(heard, progress)),
    ]
    try:
        code = await _until_ended(process)
    finally:
        await _finish_pipes(pipes)
        output.close()
    if code != 0:
        how = f"ended with exit code {code}" if code > 0 else f"was killed by signal {-code}"
        raise ScriptFailed(f"the script {how}\n{output.tail(2_000)}".rstrip())
    return {"exit_code": 0, "output": output.tail()}


def _lay_out(room: Path, script: Script, interpreter: Interpreter, told: int) -> Path:
    """Write the files of the run; the supervisor's configuration among them."""
    home = room / "home"
    home.mkdir(mode=0o700)
    file = room / f"script{interpreter.suffix}"
    file.write_text(script.script_content, encoding="utf-8", errors="replace")
    stdin = script.stdin if isinstance(script.stdin, str) else json.dumps(script.stdin)
    (room / "stdin").write_text("" if script.stdin is None else stdin, errors="replace")
    config = room / "config.json"
    config.write_text(
        json.dumps(
            {
                "argv": [*interpreter.argv, str(file), *script.args],
                "env": {
                    "PATH": _PATH,
                    "HOME": str(home),
                    "LANG": "C.UTF-8",
                    **script.env,
                    "TENURE_PROGRESS_FD": str(supervisor.PROGRESS_FD),
                },
                "progress": told,
                "limits": LIMITS,
                "grace_seconds": GRACE_SECONDS,
                "parent": os.getpid(),
            }
        )
    )
    return config


async def _start(room: Path, config: Path, printing: int, told: int) -> asyncio.subprocess.Process:
    with (room / "stdin").open("rb") as stdin:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(Path(supervisor.__file__)),
            str(config),
            stdin=stdin,
            stdout=printing,
            stderr=printing,
            pass_fds=(told,),
            cwd=room / "home",
            env={},
            start_new_session=True,
        )


async def _until_ended(process: asyncio.subprocess.Process) -> int:
    """Wait for the supervisor, which is never killed: it would leave what it watches over."""
    try:
        return await process.wait()
    except asyncio.CancelledError:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS + PIPE_SECONDS):
                await process.wait()
        raise
    finally:
        _signal(process, signal.SIGINT)  # kill at once, if it has not ended


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.send_signal(number)


async def _finish_pipes(pipes: Sequence[asyncio.Future[None]]) -> None:
    await asyncio.wait(pipes, timeout=PIPE_SECONDS)
    for pipe in pipes:
        pipe.cancel()
    await asyncio.gather(*pipes, return_exceptions=True)
