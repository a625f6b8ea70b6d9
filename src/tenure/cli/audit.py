"""`tenure audit`: who did what."""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated, Any

import typer

from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import Columns

app = make_app(add_completion=False)

AUDIT: Columns = {
    "place": attrgetter("place"),
    "at": attrgetter("at"),
    "action": attrgetter("action"),
    "actor": attrgetter("actor"),
    "address": attrgetter("address"),
    "target": lambda line: f"{line.target or ''} {line.target_id or ''}".strip(),
    "reason": attrgetter("reason"),
    "before": attrgetter("before"),
    "after": attrgetter("after"),
}


@client_command(app, "audit", no_args_is_help=False)
def audit(
    session: Session,
    action: Annotated[str | None, typer.Option(help="Like job.delete or login.failed.")] = None,
    actor: Annotated[str | None, typer.Option(help="The name of who did it.")] = None,
    target: Annotated[str | None, typer.Option(help="A kind of thing, like job or user.")] = None,
    target_id: Annotated[str | None, typer.Option("--id", help="The id of the thing.")] = None,
    address: Annotated[str | None, typer.Option(help="Where it was done from.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Like 2026-01-31T08:30:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before this time.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 50,
) -> None:
    """Show the audit, newest first: administration, and what people did to others' things."""
    given: Any = {
        "action": action, "actor": actor, "target": target, "target_id": target_id,
        "address": address, "since": since, "until": until,
    }  # fmt: skip
    asked = {name: text for name, text in given.items() if text is not None}
    session.printer.rows(session.client.audit(limit=limit, **asked), AUDIT)
