"""`tenure workers`, `tenure handlers`, `tenure stats`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tenure.cli import arguments
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import HANDLERS, SERIES, WORKERS
from tenure.domain.errors import InvalidInput, NotFound, WorkerNotFound
from tenure.domain.spelling import nearest
from tenure.wire.workers import Worker

workers = make_app(add_completion=False, help="Workers, and draining them.")
handlers = make_app(add_completion=False, help="The types that workers offer.")
stats = make_app(add_completion=False)


@client_command(workers, "ls")
def list_workers(session: Session) -> None:
    """List the workers the coordinator knows."""
    session.printer.rows(session.client.workers(), WORKERS)


@client_command(workers, "drain")
def drain(
    session: Session,
    names: Annotated[
        list[str],
        typer.Argument(metavar="WORKER", help="Ids, starts of ids, or names."),
    ],
) -> None:
    """Ask workers to take no more jobs, to finish what they run and to leave."""
    known = session.client.workers()
    wanted = [_find(name, known) for name in names]
    session.printer.rows([session.client.drain(worker.id) for worker in wanted], WORKERS)


def _find(text: str, known: Any) -> Worker:
    found = [w for w in known if w.id == text.lower() or (w.name == text and w.state != "gone")]
    found = found or [w for w in known if len(text) >= 4 and w.id.startswith(text.lower())]
    if len(found) > 1:
        raise InvalidInput(f"{text!r} is {len(found)} workers: give more of the id")
    if not found:
        raise WorkerNotFound(f"no worker {text}")
    worker: Worker = found[0]
    return worker


@client_command(handlers, "ls")
def list_handlers(session: Session) -> None:
    """List the types that workers offer or that had jobs within the last hour, with its numbers."""
    session.printer.rows(session.client.handlers(), HANDLERS)


@client_command(handlers, "get")
def get_handler(
    session: Session,
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="The handler's name.")],
) -> None:
    """Show one type, with the JSON Schema of its payload."""
    known = {found.type: found for found in session.client.handlers()}
    if type_ not in known:
        raise NotFound(f"no worker offers {type_}{nearest(type_, known)}")
    session.printer.record(known[type_])


@client_command(stats, "stats", no_args_is_help=False)
def show_stats(
    session: Session,
    last: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Over time: the last 15m, 1h, 6h, 1d or 7d."),
    ] = None,
    queue: Annotated[str | None, typer.Option("--queue", "-q", help="With --last: of one.")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", "-t", help="With --last: of one handler.")
    ] = None,
) -> None:
    """Show counts, totals and delays; with --last how they went."""
    if last is not None:
        found = session.client.series(arguments.span(last), queue=queue, type=type_)
        session.printer.rows(found.points, SERIES)
        return
    if queue or type_:
        raise typer.BadParameter("--queue and --type go with --last")
    told = session.client.stats()
    shown: dict[str, Any] = {"as of": told.as_of}
    for title, numbers in (
        ("now", told.active),
        ("total", told.totals),
        ("last hour", told.last_hour),
        ("start delay", told.start_delay_seconds),
        ("duration", told.duration_seconds),
    ):
        for name, value in numbers.items():
            unit = "s" if isinstance(value, float) else ""
            shown[f"{title} {name}"] = None if value is None else f"{value:g}{unit}"
    session.printer.record(told, shown)
