"""`tenure top`: queues, workers and throughput, live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.domain.errors import TooMany, Unavailable, Unreachable

if TYPE_CHECKING:
    from tenure.cli.frames import Frame, Look
    from tenure.client.blocking import Client

LOOK_SECONDS = 1.0

app = make_app(add_completion=False)


@client_command(app, "top", no_args_is_help=False)
def top(
    session: Session,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
) -> None:
    """Show queues, workers and throughput, anew every second, until it is interrupted.

    Where stdout is no terminal it is shown once.
    """
    from tenure.cli.frames import Frame, record

    first = _look(session.client)
    if session.printer.machine:
        session.printer.record(record(first))
    elif once or not session.printer.at_terminal:
        for line in Frame(session.client.url, first).lines():
            typer.echo(line)
    else:
        _show(session.client, Frame(session.client.url, first))


def _look(client: Client) -> Look:
    from tenure.cli.frames import Look

    return Look(time.monotonic(), client.stats(), client.queues(), client.workers())


def _show(client: Client, frame: Frame) -> None:
    """Until Ctrl-C, which is how this is meant to end."""
    from rich.live import Live

    with Live(frame, screen=True, auto_refresh=False) as live:
        try:
            while True:
                live.update(frame, refresh=True)
                time.sleep(LOOK_SECONDS)
                frame = _next(client, frame)
        except KeyboardInterrupt:
            return


def _next(client: Client, frame: Frame) -> Frame:
    """The numbers of now; those of before, with a word about it, while nobody answers."""
    try:
        return frame.then(_look(client))
    except (Unreachable, Unavailable, TooMany) as error:
        return frame.stale(error.detail)
