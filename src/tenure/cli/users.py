"""`tenure users`: accounts, for administrators; `passwd` for everybody."""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated

import typer

from tenure.cli.asking import ask_password
from tenure.cli.exits import talk
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import Columns

app = make_app(add_completion=False, help="Accounts.")
Who = Annotated[str, typer.Argument(metavar="WHO", help="A name, an e-mail or an id.")]
Role = Annotated[str, typer.Argument(metavar="ROLE", help="admin, user or viewer.")]

USERS: Columns = {
    "name": attrgetter("name"),
    "email": attrgetter("email"),
    "role": attrgetter("role"),
    "disabled": attrgetter("disabled"),
    "last_login_at": attrgetter("last_login_at"),
    "id": attrgetter("id"),
}


@app.callback()
def _users() -> None:
    """Accounts."""


@client_command(app, "ls")
def list_users(session: Session) -> None:
    """List users, oldest first."""
    session.printer.rows(session.client.accounts.users(), USERS)


@client_command(app, "add", no_args_is_help=True)
def add(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name, or e-mail.")],
    email: Annotated[str | None, typer.Option(help="E-mail, beside a name.")] = None,
    role: Annotated[str, typer.Option(help="user, viewer or admin.")] = "user",
    no_password: Annotated[
        bool, typer.Option("--no-password", help="An account that only tokens are made for.")
    ] = False,
) -> None:
    """Make an account. The password is asked for, or read from stdin when that is no terminal."""
    by_email = "@" in name
    user = session.client.accounts.add_user(
        name=None if by_email else name,
        email=name if by_email and email is None else email,
        role=role,
        password=None if no_password else ask_password(twice=True),
    )
    session.printer.rows([user], USERS)


@client_command(app, "role", no_args_is_help=True)
def set_role(session: Session, who: Who, role: Role) -> None:
    """Give somebody another role."""
    session.printer.rows([session.client.accounts.change_user(who, role=role)], USERS)


@client_command(app, "passwd", no_args_is_help=False)
def passwd(
    session: Session,
    who: Annotated[
        str | None, typer.Argument(metavar="[WHO]", help="Somebody else, for administrators.")
    ] = None,
) -> None:
    """Set a password: one's own, or as an administrator somebody's. Its logins end.

    Passwords are asked for; when stdin is no terminal its lines are the current one (for one's
    own) and the new one.
    """
    accounts = session.client.accounts
    if who is not None:
        accounts.reset_password(who, ask_password("New password", twice=True))
        talk(f"{who} has a new password; its logins have ended")
        return
    current = ask_password("Current password")
    told = accounts.change_password(current, ask_password("New password", twice=True))
    session.renew(told)
    talk("you have a new password; your other logins have ended")


@client_command(app, "disable", no_args_is_help=True)
def disable(session: Session, who: Who) -> None:
    """Lock somebody out, tokens included."""
    session.printer.rows([session.client.accounts.change_user(who, disabled=True)], USERS)


@client_command(app, "enable", no_args_is_help=True)
def enable(session: Session, who: Who) -> None:
    """Let somebody in again."""
    session.printer.rows([session.client.accounts.change_user(who, disabled=False)], USERS)


@client_command(app, "rm", no_args_is_help=True)
def remove(session: Session, who: Who) -> None:
    """Delete an account with its logins and tokens. What it owns stays."""
    session.client.accounts.delete_user(who)
    talk(f"{who} is deleted")
