"""`tenure notify`: who is told of what."""

from __future__ import annotations

import time
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.exits import Exit, talk
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import Columns
from tenure.domain.errors import InvalidInput

if TYPE_CHECKING:
    from tenure.wire.notifications import Delivery

app = make_app(add_completion=False, help="Notifications: rules, channels, deliveries.")
TEST_SECONDS = 30.0
_LOOK_SECONDS = 0.1

CHANNELS: Columns = {
    "id": attrgetter("id"),
    "name": attrgetter("name"),
    "kind": attrgetter("kind"),
    "target": attrgetter("target"),
    "disabled": lambda channel: channel.disabled_reason if channel.disabled else "",
}
RULES: Columns = {
    "id": attrgetter("id"),
    "name": attrgetter("name"),
    "event": attrgetter("event"),
    "filter": attrgetter("filter"),
    "threshold": attrgetter("threshold"),
    "enabled": attrgetter("enabled"),
    "told_at": attrgetter("told_at"),
}
DELIVERIES: Columns = {
    "id": attrgetter("id"),
    "created_at": attrgetter("created_at"),
    "event": attrgetter("event"),
    "rule": attrgetter("rule"),
    "channel": lambda one: one.channel or one.channel_id,
    "status": attrgetter("status"),
    "attempts": attrgetter("attempts"),
    "answer": lambda one: one.error or one.response_status,
    "next_at": attrgetter("next_at"),
}
Who = Annotated[str, typer.Argument(metavar="NAME", help="Its name or id.")]


@app.callback()
def _notify() -> None:
    """Notifications: rules, channels, deliveries."""


@client_command(app, "channels")
def list_channels(session: Session) -> None:
    """List channels."""
    session.printer.rows(session.client.notifications.channels(), CHANNELS)


@client_command(app, "add-channel", no_args_is_help=True)
def add_channel(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="Post to this URL.")] = None,
    email: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Write to it; may be repeated.")
    ] = None,
    apprise: Annotated[
        str | None, typer.Option(metavar="URL", help="A service, like slack://...")
    ] = None,
) -> None:
    """Make a channel: a webhook, e-mail, or what Apprise reaches."""
    ways = {"webhook": webhook, "email": email, "apprise": apprise}
    given = [(kind, value) for kind, value in ways.items() if value]
    if len(given) != 1:
        raise InvalidInput("give one of --webhook, --email and --apprise")
    [(kind, value)] = given
    fields: Any = {"to" if kind == "email" else "url": value}
    made = session.client.notifications.add_channel(name, kind, **fields)
    session.printer.line(made.secret or made.id, made)
    if made.secret is not None:
        talk("the secret is not shown again")


@client_command(app, "enable")
def enable(session: Session, channel: Who) -> None:
    """Let a disabled channel speak again."""
    changed = session.client.notifications.change_channel(channel, disabled=False)
    session.printer.rows([changed], CHANNELS)


@client_command(app, "disable")
def disable(session: Session, channel: Who) -> None:
    """Send nothing more over a channel."""
    changed = session.client.notifications.change_channel(channel, disabled=True)
    session.printer.rows([changed], CHANNELS)


@client_command(app, "rotate")
def rotate(session: Session, channel: Who) -> None:
    """Give a webhook a new secret; the former one signs too for a day."""
    made = session.client.notifications.rotate(channel)
    session.printer.line(made.secret or "", made)
    talk("the secret is not shown again")


@client_command(app, "rm-channel")
def remove_channel(session: Session, channel: Who) -> None:
    """Delete a channel that no rule names."""
    session.client.notifications.delete_channel(channel)
    talk(f"channel {channel} is deleted")


@client_command(app, "rules")
def list_rules(session: Session) -> None:
    """List rules."""
    session.printer.rows(session.client.notifications.rules(), RULES)


@client_command(app, "add-rule", no_args_is_help=True)
def add_rule(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    event: Annotated[str, typer.Argument(metavar="EVENT", help="Like job.failed.")],
    channel: Annotated[list[str], typer.Option("--channel", help="Whom to tell; may be repeated.")],
    filter_: Annotated[
        str | None, typer.Option("--filter", help="Only jobs that fit, like queue:mail.")
    ] = None,
    threshold: Annotated[int, typer.Option(min=1, help="Speak at this many events.")] = 1,
    window: Annotated[str, typer.Option(metavar="SPAN", help="... inside this time.")] = "5m",
    cool_down: Annotated[
        str, typer.Option(metavar="SPAN", help="Then stay silent for this time.")
    ] = "0s",
    recovery: Annotated[
        bool, typer.Option("--recovery", help="Tell too when a window passed without one.")
    ] = False,
) -> None:
    """Make a rule: who is told of what."""
    made = session.client.notifications.add_rule(
        name,
        event,
        channels=channel,
        filter=filter_,
        threshold=threshold,
        window_seconds=_seconds("--window", window),
        cool_down_seconds=_seconds("--cool-down", cool_down),
        recovery=recovery,
    )
    session.printer.rows([made], RULES)


def _seconds(option: str, text: str) -> int:
    from tenure.values import parse_span

    try:
        return int(parse_span(text).total_seconds())
    except ValueError as error:
        raise InvalidInput(f"{option} {error}") from None


@client_command(app, "rm-rule")
def remove_rule(session: Session, rule: Who) -> None:
    """Delete a rule."""
    session.client.notifications.delete_rule(rule)
    talk(f"rule {rule} is deleted")


@client_command(app, "deliveries")
def list_deliveries(
    session: Session,
    status: Annotated[str | None, typer.Option(help="pending, delivered or failed.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only over this channel.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500)] = 50,
) -> None:
    """Show what was sent and what came of it, newest first."""
    shown = session.client.notifications.deliveries(status=status, channel=channel, limit=limit)
    session.printer.rows(shown, DELIVERIES)


@client_command(app, "replay")
def replay(
    session: Session,
    delivery_id: Annotated[str, typer.Argument(metavar="ID", help="The delivery's id.")],
) -> None:
    """Send a delivery again, under its id."""
    session.printer.rows([session.client.notifications.replay(delivery_id)], DELIVERIES)


@client_command(app, "test")
def test(session: Session, channel: Who) -> None:
    """Send a test over a channel and show what came of the first attempt."""
    told = _attempted(session, session.client.notifications.test(channel).id)
    session.printer.rows([told], DELIVERIES)
    if told.status != "delivered":
        raise typer.Exit(Exit.ERROR)


def _attempted(session: Session, delivery_id: str) -> Delivery:
    """The delivery, once the first attempt has ended or TEST_SECONDS are over."""
    until = time.monotonic() + TEST_SECONDS
    while True:
        told = session.client.notifications.delivery(delivery_id)
        over = told.finished_at is not None or told.error is not None
        if over or time.monotonic() > until:
            return told
        time.sleep(_LOOK_SECONDS)
