"""`tenure login`, `logout` and `whoami`."""

from __future__ import annotations

import sys
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Annotated

import typer

from tenure.cli.asking import ask_password
from tenure.cli.exits import talk
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import Columns
from tenure.domain.errors import InvalidInput

login = make_app(add_completion=False)
logout = make_app(add_completion=False)
whoami = make_app(add_completion=False)

ME: Columns = {
    "name": attrgetter("name"),
    "email": attrgetter("email"),
    "role": attrgetter("role"),
    "kind": attrgetter("kind"),
    "id": attrgetter("id"),
    "permissions": lambda me: ", ".join(me.permissions),
}


@client_command(login, "login", no_args_is_help=False)
def log_in(
    session: Session,
    name: Annotated[str | None, typer.Argument(help="A name or an e-mail.")] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="Keep the API token in this file instead."),
    ] = None,
) -> None:
    """Log in and keep it for the commands that follow, renewed by itself.

    The password is asked for, or read from stdin when that is no terminal.
    """
    from tenure.client import access
    from tenure.client.credentials import Kept

    if token_file is not None:
        token = _read(token_file)
        kept = Kept(token, session.as_holder_of(token).run(access.me()).name)
    else:
        who = name or _ask_name()
        told = session.as_holder_of(None).run(access.login(who, ask_password()))
        kept = Kept.of(told, who)
    url = session.settings.coordinator_url
    session.credentials.keep(url, kept)
    talk(f"logged in at {url} as {kept.name}")
    if session.settings.token is not None:
        talk("TENURE_TOKEN is set and goes before this login")


def _ask_name() -> str:
    if not sys.stdin.isatty():
        raise InvalidInput("give a name or an e-mail")
    return input("Name or e-mail: ").strip()


@client_command(logout, "logout", no_args_is_help=False)
def log_out(session: Session) -> None:
    """End the login that is kept for this coordinator."""
    from tenure.client import access
    from tenure.domain.errors import Unauthenticated

    url = session.settings.coordinator_url
    kept = session.credentials.get(url)
    if kept is None:
        talk(f"nobody is logged in at {url}")
        return
    session.credentials.keep(url, None)
    if kept.refresh_token is not None:
        with suppress(Unauthenticated):  # it may have ended already
            session.as_holder_of(None).run(access.logout(kept.refresh_token))
    talk(f"logged out at {url}")


@client_command(whoami, "whoami", no_args_is_help=False)
def who_am_i(session: Session) -> None:
    """Show who the coordinator takes you for."""
    session.printer.rows([session.client.accounts.me()], ME)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError):
        raise InvalidInput(f"{path} cannot be read") from None
