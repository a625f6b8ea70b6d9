"""`tenure dev`: a coordinator and a worker in one process, for work on handlers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.exits import talk
from tenure.cli.session import EnvFile
from tenure.cli.start import LogFormat, LogLevel, Queues, Slots, load_settings
from tenure.domain.errors import ConfigurationError

if TYPE_CHECKING:
    import uvicorn

    from tenure.settings import Settings
    from tenure.worker.runtime import WorkerRuntime

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def dev(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET", help="Where handlers are: path/file.py, pkg.mod or pkg.mod:function."
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(help="sqlite:///tenure.db by default.", metavar="URL")
    ] = None,
    queues: Queues = None,
    slots: Slots = None,
    allow_scripts: Annotated[
        bool | None,
        typer.Option("--allow-scripts", help="Offer python and shell: jobs that bring code."),
    ] = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
    env_file: EnvFile = None,
) -> None:
    """Start a coordinator and a worker in one process; Ctrl-C ends both.

    A handler that blocks the event loop blocks the coordinator with it: outside of development
    start them apart, with `tenure coordinator` and `tenure worker`.
    """
    settings = load_settings(
        {
            "host": host,
            "port": port,
            "database_url": database_url,
            "queues": queues,
            "slots": slots,
            "allow_scripts": allow_scripts,
            "log_level": log_level,
            "log_format": log_format,
        },
        env_file,
        Path.cwd(),
    )
    raise typer.Exit(_run(settings, targets or []))


def _run(settings: Settings, targets: list[str]) -> int:
    import uvloop

    from tenure.api.server import build
    from tenure.handlers.builtin import build_registry
    from tenure.worker.options import WorkerOptions
    from tenure.worker.runtime import WorkerRuntime

    registry = build_registry(settings, targets)
    server = build(settings)
    listening = _listen(settings.host, settings.port)
    url = _url(listening)
    here = settings.model_copy(update={"coordinator_url": url})
    runtime = WorkerRuntime(WorkerOptions.of(here, "dev"), registry)
    talk(f"coordinator and worker at {url}, types: {', '.join(runtime.types)}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_both(server, listening, runtime))


async def _both(server: uvicorn.Server, listening: socket.socket, runtime: WorkerRuntime) -> int:
    from tenure.worker.signals import run_until_signalled

    server.capture_signals = _no_signals  # type: ignore[method-assign]
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="coordinator")
    working = asyncio.create_task(run_until_signalled(runtime), name="worker")
    await asyncio.wait({serving, working}, return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        runtime.stop()
    try:
        code = await working
    finally:
        server.should_exit = True
        await serving
    return code if server.started else 1


@contextmanager
def _no_signals() -> Iterator[None]:
    """The worker's signal handlers serve for both."""
    yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    host = _ANYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
