"""`tenure queues`: queues with their jobs, pausing them, and what is set for them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tenure.cli import arguments
from tenure.cli.control import ReasonText
from tenure.cli.exits import talk
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import QUEUES, queue_fields
from tenure.domain.errors import InvalidInput
from tenure.wire.queues import Queue

app = make_app(add_completion=False, help="Queues: their jobs, pausing, limits, rates and aging.")
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name.")]
Names = Annotated[list[str], typer.Argument(metavar="QUEUE", help="Names of queues.")]
_NONE = "none"


@client_command(app, "ls")
def list_queues(session: Session) -> None:
    """List queues with their unfinished jobs by state and what is set for them."""
    session.printer.rows(session.client.queues(), QUEUES)


@client_command(app, "get")
def get(session: Session, name: Name) -> None:
    """Show one queue."""
    _show(session, session.client.queue(name))


def _show(session: Session, queue: Queue) -> None:
    session.printer.record(queue, queue_fields(queue))


@client_command(app, "set", no_args_is_help=True)
def set_queue(
    session: Session,
    name: Name,
    max_running: Annotated[
        str | None, typer.Option(metavar="N|none", help="Jobs that run at a time.")
    ] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="N/SPAN|none", help="So many starts in so long: 10/1s.")
    ] = None,
    aging: Annotated[
        str | None,
        typer.Option(metavar="SPAN|none", help="The wait that counts as one step of priority."),
    ] = None,
    version: Annotated[
        int | None, typer.Option(help="Only if this is the queue's version; else exit code 6.")
    ] = None,
) -> None:
    """Set limits of a queue. Only what is given changes; `none` takes a setting away."""
    fields: dict[str, Any] = {}
    if max_running is not None:
        fields["max_running"] = None if max_running == _NONE else _count(max_running)
    if rate is not None:
        fields["rate"] = None if rate == _NONE else _rate(rate)
    if aging is not None:
        fields["aging"] = None if aging == _NONE else arguments.span(aging)
    if not fields:
        raise typer.BadParameter("nothing to set: give --max-running, --rate or --aging")
    _show(session, session.client.set_queue(name, version, **fields))


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise InvalidInput(f"{text!r} is not a number, nor none")
    return int(text)


def _rate(text: str) -> tuple[int, Any]:
    count, slash, span = text.partition("/")
    if not slash:
        raise InvalidInput(f"{text!r} is not a rate like 10/1s or 500/1h, nor none")
    # 10/s is 10/1s
    return _count(count), arguments.span(span if span[:1].isdigit() else f"1{span}")


@client_command(app, "pause")
def pause(session: Session, names: Names, reason: ReasonText = None) -> None:
    """Start no more jobs of queues; what runs goes on."""
    session.printer.rows([session.client.pause_queue(name, reason) for name in names], QUEUES)


@client_command(app, "resume")
def resume(session: Session, names: Names, reason: ReasonText = None) -> None:
    """Start jobs of queues again."""
    session.printer.rows([session.client.resume_queue(name, reason) for name in names], QUEUES)


@client_command(app, "rm")
def remove(session: Session, name: Name) -> None:
    """Take away all that is set for a queue; its jobs stay."""
    session.client.unset_queue(name)
    talk(f"nothing is set for queue {name}")
