"""What every command that keeps running shares: its settings, and its log on stderr."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tenure.settings import Settings

LogLevel = Annotated[
    str | None,
    typer.Option("--log-level", metavar="LEVEL", help="trace, debug, info, warning or error."),
]
LogFormat = Annotated[
    str | None, typer.Option("--log-format", metavar="FORMAT", help="text or json.")
]

Queues = Annotated[
    str | None, typer.Option(metavar="NAMES", help="Queues to serve, separated by commas.")
]
Slots = Annotated[int | None, typer.Option(min=1, max=10_000, help="Jobs to run at the same time.")]


def load_settings(
    flags: Mapping[str, Any], env_file: Path | None, directory: Path | None = None
) -> Settings:
    """The settings with `flags` (field name to value, None: not given) on top, and logging set up
    as they say. Raises ConfigurationError."""
    from tenure.settings import load
    from tenure.telemetry.logging import configure

    settings = load(
        flags, environ=os.environ, env_file=env_file, directory=directory or Path.cwd()
    ).settings
    configure(settings.log_level, settings.log_format)
    return settings
