"""`tenure events`: live events as they come."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import LIVE
from tenure.telemetry.text import one_line

if TYPE_CHECKING:
    from tenure.client.listening import LiveEvent

app = make_app(add_completion=False)


@client_command(app, "events", no_args_is_help=False)
def events(
    session: Session,
    topic: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            "-t",
            metavar="TOPIC",
            help="stats (default), jobs, schedules, workers, operations, queue:NAME, job:ID or "
            "workflow:ID. Several times.",
        ),
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on behind this event.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="End after so many.")
    ] = None,
) -> None:
    """Print numbers and changes as they happen, until it is interrupted."""
    session.client.stats()  # nobody there: said at once, while a stream bears with it
    heard = islice(session.patient.listen(*(topic or ()), after=after), limit)
    if session.printer.machine:
        session.printer.stream(heard, LIVE)
        return
    for event in heard:
        typer.echo(_line(event))


def _line(event: LiveEvent) -> str:
    if event.stats is None:
        return f"{event.kind} {one_line(event.topic or '')}".rstrip()
    numbers = event.stats
    states = ", ".join(f"{count} {state}" for state, count in numbers.active.items() if count)
    fleet = f"workers {numbers.workers}, slots {numbers.slots}"
    return f"{numbers.as_of:%H:%M:%S} {states or 'no unfinished jobs'}; {fleet}"
