"""`tenure queues`, `tenure workers`, `tenure stats`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import WORKERS
from tenure.domain.errors import InvalidInput, WorkerNotFound
from tenure.wire.workers import Worker

workers = make_app(add_completion=False, help="Workers, and draining them.")
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


@client_command(stats, "stats", no_args_is_help=False)
def show_stats(session: Session) -> None:
    """Show counts, totals and delays."""
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
