"""`tenure jobs bulk` and `tenure operations`: one action on every job of a filter."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from tenure.cli.exits import Exit, talk
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import OPERATIONS
from tenure.domain.operation import BulkAction
from tenure.telemetry.text import one_line
from tenure.wire.operations import Operation, Preview

LOOK_SECONDS = 0.5

app = make_app(add_completion=False, help="Bulk operations: how far they are, and stopping them.")
OperationId = Annotated[str, typer.Argument(metavar="ID", help="The operation's id.")]
Watch = Annotated[
    bool, typer.Option("--watch", "-w", help="Stay until it has ended; exit code 1 unless well.")
]


def register(jobs: typer.Typer) -> None:
    """Add `bulk` to `tenure jobs`."""
    client_command(jobs, "bulk", no_args_is_help=True)(bulk)


def bulk(
    session: Session,
    action: Annotated[BulkAction, typer.Argument(help="What to do.")],
    words: Annotated[
        list[str], typer.Argument(metavar="FILTER", help="To which jobs: 'status:failed type:x'.")
    ],
    queue: Annotated[str | None, typer.Option("--queue", "-q", help="requeue: where to.")] = None,
    priority: Annotated[
        int | None, typer.Option(min=-100, max=100, help="priority: which.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Kept with the operation.")] = None,
    canary: Annotated[
        bool, typer.Option("--canary", help="retry: one first, the rest if it completes.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    watch: Watch = False,
) -> None:
    """Do one thing to every job of a filter, after showing how many they are."""
    told: dict[str, Any] = {"queue": queue, "priority": priority, "reason": reason}
    told["canary"] = canary
    if dry_run:
        session.printer.record(session.client.preview(action, " ".join(words), **_given(told)))
    else:
        carry_out(session, action, " ".join(words), yes, watch, **told)


def carry_out(
    session: Session, action: str, asked: str, yes: bool, watch: bool, **told: Any
) -> None:
    """Ask unless `yes`, begin an operation, show it; with `watch` stay until it has ended."""
    options = _given(told)
    if not yes:
        _confirm(action, session.client.preview(action, asked, **options))
    _show(session, session.client.begin(action, asked, **options), watch)


def _given(told: dict[str, Any]) -> Any:
    return {name: value for name, value in told.items() if value is not None}


def _confirm(action: str, counted: Preview) -> None:
    """Ask at a terminal. Raises typer.Abort for no, and BadParameter where nobody can be asked."""
    more = "" if counted.complete else " or more"
    states = ", ".join(f"{number} {state}" for state, number in counted.by_status.items())
    talk(f"{counted.matched}{more} jobs fit ({states}), {counted.applicable}{more} take {action}")
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody to ask: give --yes, or --dry-run to count only")
    typer.confirm("Go on?", abort=True, err=True)


def _show(session: Session, operation: Operation, watch: bool) -> None:
    if watch:
        operation = _watched(session, operation)
    session.printer.record(operation)
    if watch and operation.status != "completed":
        raise typer.Exit(Exit.ERROR)


def _watched(session: Session, operation: Operation) -> Operation:
    """The operation once it has ended, its progress on stderr."""
    seen = ""
    while True:
        about = "" if operation.expected_exact else "+"
        refused = f", {operation.refused} refused" if operation.refused else ""
        waits = ", waits for its canary" if operation.phase == "watching" else ""
        line = f"{operation.done} of {operation.expected}{about}{refused}{waits}"
        if line != seen:
            talk(line)
        seen = line
        if operation.finished:
            if operation.note:
                talk(one_line(operation.note))
            return operation
        time.sleep(LOOK_SECONDS)
        operation = session.patient.operation(operation.id)


@client_command(app, "ls")
def list_operations(
    session: Session,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500)] = 50,
) -> None:
    """List operations, newest first."""
    session.printer.rows(session.client.operations(limit), OPERATIONS)


@client_command(app, "get")
def get(session: Session, operation_id: OperationId, watch: Watch = False) -> None:
    """Show how far an operation is."""
    _show(session, session.client.operation(operation_id.lower()), watch)


@client_command(app, "abort")
def abort(
    session: Session,
    operation_id: OperationId,
    reason: Annotated[str | None, typer.Option(help="Kept with the operation.")] = None,
) -> None:
    """Do no more of an operation; what was done stays done."""
    session.printer.record(session.client.abort(operation_id.lower(), reason))
