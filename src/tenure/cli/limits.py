"""`tenure limits`: how many jobs of a concurrency key go at a time."""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated

import typer

from tenure.cli.exits import talk
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import Columns

app = make_app(add_completion=False, help="Limits of concurrency keys.")
Key = Annotated[str, typer.Argument(metavar="KEY", help="The concurrency key.")]

LIMITS: Columns = {
    "key": attrgetter("key"),
    "limit": attrgetter("max_running"),
    "pending": attrgetter("pending"),
    "running": attrgetter("running"),
    "waiting": attrgetter("waiting"),
}


@app.callback()
def _limits() -> None:
    """Limits of concurrency keys."""


@client_command(app, "ls")
def list_limits(session: Session) -> None:
    """List limits that are set or in use."""
    session.printer.rows(session.client.limits(), LIMITS)


@client_command(app, "get")
def get(session: Session, key: Key) -> None:
    """Show a key's limit and its use."""
    session.printer.rows([session.client.limit(key)], LIMITS)


@client_command(app, "set", no_args_is_help=True)
def set_limit(
    session: Session,
    key: Key,
    max_running: Annotated[int, typer.Argument(min=0, help="Jobs pending or running at a time.")],
) -> None:
    """Set how many jobs of a key go at a time."""
    session.printer.rows([session.client.set_limit(key, max_running)], LIMITS)


@client_command(app, "rm")
def remove(session: Session, key: Key) -> None:
    """Put a key back to the default of one."""
    session.client.unset_limit(key)
    talk(f"{key} is back to one job at a time")
