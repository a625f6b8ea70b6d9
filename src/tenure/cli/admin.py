"""`tenure migrate`, `config`, `openapi` and `version`."""

from __future__ import annotations

import os
import platform
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from tenure import __version__
from tenure.cli.exits import Exit, talk
from tenure.cli.lazy import make_app
from tenure.cli.output import Printer
from tenure.cli.session import EnvFile, Form, Session, client_command
from tenure.cli.start import load_settings

config = make_app(add_completion=False, help="Show the settings and where they come from.")
openapi = make_app(add_completion=False)

_MASK = "***"
_USER_INFO = re.compile(r"(?<=://)[^/@]*:[^/@]*(?=@)")
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 if it is out of date.")
    ] = False,
    database_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The database, as for the coordinator.")
    ] = None,
    env_file: EnvFile = None,
) -> None:
    """Bring the database up to date. The coordinator does so too when it starts."""
    settings = load_settings({"database_url": database_url}, env_file)
    from tenure.store import migrate as migrations

    if not check:
        migrations.upgrade(settings.database_url)
        talk("the database is up to date")
    elif migrations.check(settings.database_url):
        talk("the database is up to date")
    else:
        talk("the database is out of date: run `tenure migrate`")
        raise typer.Exit(Exit.ERROR)


@config.callback()
def _config() -> None:
    """Show the settings and where they come from."""


@config.command("show")
def show(
    origin: Annotated[
        bool, typer.Option("--origin", help="Also where each value comes from.")
    ] = False,
    env_file: EnvFile = None,
    output: Form = None,
) -> None:
    """Show every setting. Secrets are masked."""
    from tenure.settings import environment_name, load

    loaded = load(environ=os.environ, env_file=env_file, directory=Path.cwd())
    rows = []
    for name, source in loaded.origins.items():
        value: Any = loaded.settings
        for part in name.split("."):
            value = getattr(value, part)
        row = {"name": name, "value": _shown(name, value), "variable": environment_name(name)}
        rows.append(row | ({"origin": source} if origin else {}))
    columns = {
        key: (lambda row, key=key: row[key])
        for key in ("name", "value", *(("origin",) if origin else ("variable",)))
    }
    Printer(output).rows(rows, columns)


def _shown(name: str, value: Any) -> Any:
    """A setting as it would be written, without its secret."""
    from tenure.settings import SECRETS

    if name in SECRETS:
        return None if value is None else _MASK
    if isinstance(value, timedelta):
        return span_text(value)
    if isinstance(value, tuple):
        return ",".join(value)
    return _USER_INFO.sub(_MASK, value) if isinstance(value, str) else value


def span_text(span: timedelta) -> str:
    """A span in the largest unit that says it in whole numbers, like 30s or 7d."""
    seconds = span.total_seconds()
    for unit, size in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds * 1000:g}ms" if seconds else "0s"


@client_command(openapi, "openapi", no_args_is_help=False)
def show_openapi(session: Session) -> None:
    """Print the OpenAPI document of the coordinator."""
    from tenure.client import routes

    typer.echo(session.client.run(routes.openapi()).decode())


def version(output: Form = None) -> None:
    """Print the version."""
    python = platform.python_version()
    Printer(output).line(f"tenure {__version__}", {"tenure": __version__, "python": python})
