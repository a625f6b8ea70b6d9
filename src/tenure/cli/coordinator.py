"""`tenure coordinator`: the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tenure.cli.session import EnvFile
from tenure.cli.start import LogFormat, LogLevel, load_settings


def coordinator(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(help="sqlite:///FILE or postgresql://USER@HOST/NAME.", metavar="URL"),
    ] = None,
    lease: Annotated[
        str | None, typer.Option(metavar="SPAN", help="How long a lease holds, like 30s.")
    ] = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
    env_file: EnvFile = None,
) -> None:
    """Start a coordinator and run until SIGTERM or Ctrl-C.

    Every setting can also be given as TENURE_<NAME>, in tenure.toml or in [tool.tenure] of
    pyproject.toml; `tenure config show --origin` lists them.
    """
    settings = load_settings(
        {
            "host": host,
            "port": port,
            "database_url": database_url,
            "lease": lease,
            "log_level": log_level,
            "log_format": log_format,
        },
        env_file,
        Path.cwd(),
    )
    from tenure.api.server import serve

    raise typer.Exit(serve(settings))
