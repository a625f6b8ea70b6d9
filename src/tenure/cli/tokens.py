"""`tenure tokens`: for programs and workers."""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated

import typer

from tenure.cli.exits import talk
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import Columns
from tenure.domain.errors import InvalidInput

app = make_app(add_completion=False, help="Tokens for programs and workers.")

TOKENS: Columns = {
    "id": attrgetter("id"),
    "kind": attrgetter("kind"),
    "name": attrgetter("name"),
    "scopes": lambda token: ", ".join(token.scopes or ()),
    "queues": lambda token: ", ".join(token.queues or ()),
    "expires_at": attrgetter("expires_at"),
    "last_used_at": attrgetter("last_used_at"),
}


@app.callback()
def _tokens() -> None:
    """Tokens for programs and workers."""


@client_command(app, "create", no_args_is_help=True)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    worker: Annotated[
        bool, typer.Option("--worker", help="For workers to register with, and nothing else.")
    ] = False,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="Only this permission, like read; may be repeated."),
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option("--queue", help="Only workers of this queue; may be repeated."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="SPAN", help="After this time, like 90d.")
    ] = None,
) -> None:
    """Make a token and print it: it is shown only now."""
    from tenure.values import parse_span

    try:
        span = None if expires is None else parse_span(expires)
    except ValueError as error:
        raise InvalidInput(f"--expires {error}") from None
    made = session.client.accounts.create_token(
        name, kind="worker" if worker else "api", scopes=scope, queues=queue, expires=span
    )
    session.printer.line(made.token, made)
    talk(f"token {made.id}; it is not shown again")


@client_command(app, "ls")
def list_tokens(session: Session) -> None:
    """List one's own tokens; administrators see all."""
    session.printer.rows(session.client.accounts.tokens(), TOKENS)


@client_command(app, "revoke", no_args_is_help=True)
def revoke(
    session: Session, token_id: Annotated[str, typer.Argument(metavar="ID", help="Its id.")]
) -> None:
    """Void a token, and the workers that came with it."""
    session.client.accounts.revoke_token(token_id)
    talk(f"token {token_id} is void")
