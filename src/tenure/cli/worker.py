"""`tenure worker`: runs handlers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tenure.cli.session import EnvFile, Url
from tenure.cli.start import LogFormat, LogLevel, Queues, Slots, load_settings


def worker(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            help="Where handlers are: pkg.mod, pkg.mod:function or path/file.py.",
        ),
    ] = None,
    url: Url = None,
    queues: Queues = None,
    slots: Slots = None,
    name: Annotated[
        str | None, typer.Option(help="Name of this worker; host and process id by default.")
    ] = None,
    no_plugins: Annotated[
        bool, typer.Option("--no-plugins", help="Load neither built-in nor installed handlers.")
    ] = False,
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart when a target's file changes.")
    ] = False,
    allow_scripts: Annotated[
        bool | None,
        typer.Option("--allow-scripts", help="Offer python and shell: jobs that bring code."),
    ] = None,
    drain_grace: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="How long running jobs may finish at SIGTERM, like 30s."),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Serve metrics for Prometheus on this local port."),
    ] = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
    env_file: EnvFile = None,
) -> None:
    """Start a worker and run until it is drained: by SIGTERM, Ctrl-C or the coordinator.

    A second signal ends it at once. Handlers are found in the targets first, then built in (echo,
    sample, http), then in installed packages (entry points of group tenure.handlers).
    """
    settings = load_settings(
        {
            "coordinator_url": url,
            "queues": queues,
            "slots": slots,
            "allow_scripts": allow_scripts,
            "drain_grace": drain_grace,
            "metrics_port": metrics_port,
            "log_level": log_level,
            "log_format": log_format,
        },
        env_file,
        Path.cwd(),
    )
    wanted = targets or []
    if reload:
        raise typer.Exit(_reload(wanted))
    from tenure.handlers.builtin import build_registry
    from tenure.worker.options import WorkerOptions
    from tenure.worker.serving import serve

    registry = build_registry(settings, wanted, plugins=not no_plugins)
    raise typer.Exit(serve(WorkerOptions.of(settings, name), registry))


def _reload(targets: list[str]) -> int:
    from tenure.domain.errors import ConfigurationError
    from tenure.worker.reloading import Reloader
    from tenure.worker.targets import watched_files

    if not targets:
        raise ConfigurationError("--reload needs a target whose files it can watch")
    arguments = [argument for argument in sys.argv[1:] if argument != "--reload"]
    command = [sys.executable, "-m", "tenure", *arguments]
    return Reloader(command, watched_files(targets)).run()
