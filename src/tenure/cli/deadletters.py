"""`tenure dlq`: jobs that failed for good, by cause; running them again and removing them."""

from __future__ import annotations

from typing import Annotated

import typer

from tenure.cli import operations
from tenure.cli.lazy import make_app
from tenure.cli.operations import Watch
from tenure.cli.session import Session, client_command
from tenure.cli.show import DEAD_LETTERS

app = make_app(add_completion=False, help="Jobs that failed for good, by cause.")
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILTER", help="Only among these, like 'queue:mail created:<2h'."),
]
Which = Annotated[
    list[str],
    typer.Argument(metavar="FINGERPRINT|FILTER", help="A cause, or a filter: 'type:send_*'."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Why = Annotated[str | None, typer.Option(help="Kept with the operation.")]


@client_command(app, "ls", no_args_is_help=False)
def list_dead_letters(
    session: Session,
    words: Words = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500)] = 50,
) -> None:
    """List causes of failure, the most frequent first."""
    asked = " ".join(words) if words else None
    session.printer.rows(session.client.dead_letters(q=asked, limit=limit).items, DEAD_LETTERS)


@client_command(app, "show")
def show(
    session: Session,
    fingerprint: Annotated[str, typer.Argument(metavar="FINGERPRINT", help="As `ls` shows it.")],
) -> None:
    """Show one cause with its error in full."""
    session.printer.record(session.client.dead_letter_group(fingerprint))


@client_command(app, "replay")
def replay(
    session: Session,
    which: Which,
    canary: Annotated[
        bool, typer.Option("--canary", help="One first, the rest if it completes.")
    ] = False,
    reason: Why = None,
    yes: Yes = False,
    watch: Watch = False,
) -> None:
    """Run failed jobs again."""
    operations.carry_out(session, "retry", _failed(which), yes, watch, reason=reason, canary=canary)


@client_command(app, "purge")
def purge(
    session: Session, which: Which, reason: Why = None, yes: Yes = False, watch: Watch = False
) -> None:
    """Remove failed jobs."""
    operations.carry_out(session, "delete", _failed(which), yes, watch, reason=reason)


def _failed(which: list[str]) -> str:
    """A filter of failed jobs from a bare fingerprint or a filter."""
    text = " ".join(which)
    bare = len(which) == 1 and len(text) == 16 and set(text) <= set("0123456789abcdef")
    return f"status:failed {'fingerprint:' if bare else ''}{text}"
