"""Notifications as both clients offer them: `client.notifications`."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from tenure.client.call import Call, Run, RunAwaited, nothing, path, reads
from tenure.client.paging import items, items_awaited
from tenure.client.submission import encode_value
from tenure.wire.base import Page
from tenure.wire.notifications import Channel, Delivery, NewChannel, Rule

_BASE = "notifications"

_channel = reads(Channel)
_new_channel = reads(NewChannel)
_channels = reads(Page[Channel])
_rule = reads(Rule)
_rules = reads(Page[Rule])
_delivery = reads(Delivery)
_deliveries = reads(Page[Delivery])


class ChannelFields(TypedDict, total=False):
    """`url` of a webhook or for Apprise, `to` the receivers of an e-mail."""

    url: str
    to: Sequence[str]


class ChannelChanges(ChannelFields, total=False):
    name: str
    disabled: bool


class RuleFields(TypedDict, total=False):
    """`channels`: names or ids. `filter` as in lists of jobs, without status. Speaks at the
    `threshold`th event inside the window, then not before the cool-down is over."""

    channels: Sequence[str]
    filter: str | None
    threshold: int
    window_seconds: int
    cool_down_seconds: int
    recovery: bool
    enabled: bool


class RuleChanges(RuleFields, total=False):
    name: str
    event: str


def add_channel(name: str, kind: str, fields: ChannelFields) -> Call[NewChannel]:
    """Make a channel."""
    body = _body({"name": name, "kind": kind, **fields})
    return Call("POST", path(_BASE, "channels"), _new_channel, body)


def channels(limit: int, after: str | None) -> Call[Page[Channel]]:
    """A page of channels."""
    shown = path(_BASE, "channels", limit=limit, after=after)
    return Call("GET", shown, _channels, repeatable=True)


def change_channel(who: str, fields: ChannelChanges) -> Call[Channel]:
    """Change a channel."""
    return Call("PATCH", path(_BASE, "channels", who), _channel, _body(fields), repeatable=True)


def delete_channel(who: str) -> Call[None]:
    """Delete a channel."""
    return Call("DELETE", path(_BASE, "channels", who), nothing)


def rotate(who: str) -> Call[NewChannel]:
    """A new secret."""
    return Call("POST", path(_BASE, "channels", who, "rotate"), _new_channel)


def test(who: str) -> Call[Delivery]:
    """Send a test."""
    return Call("POST", path(_BASE, "channels", who, "test"), _delivery)


def add_rule(name: str, event: str, fields: RuleFields) -> Call[Rule]:
    """Make a rule."""
    body = _body({"name": name, "event": event, **fields})
    return Call("POST", path(_BASE, "rules"), _rule, body)


def rules(limit: int, after: str | None) -> Call[Page[Rule]]:
    """A page of rules."""
    return Call("GET", path(_BASE, "rules", limit=limit, after=after), _rules, repeatable=True)


def change_rule(who: str, fields: RuleChanges) -> Call[Rule]:
    """Change a rule."""
    return Call("PATCH", path(_BASE, "rules", who), _rule, _body(fields), repeatable=True)


def delete_rule(who: str) -> Call[None]:
    """Delete a rule."""
    return Call("DELETE", path(_BASE, "rules", who), nothing)


def deliveries(status: str | None, channel: str | None, limit: int) -> Call[Page[Delivery]]:
    """The newest deliveries."""
    shown = path(_BASE, "deliveries", status=status, channel=channel, limit=limit)
    return Call("GET", shown, _deliveries, repeatable=True)


def delivery(delivery_id: str) -> Call[Delivery]:
    """One delivery."""
    return Call("GET", path(_BASE, "deliveries", delivery_id), _delivery, repeatable=True)


def replay(delivery_id: str) -> Call[Delivery]:
    """Send a delivery again."""
    return Call("POST", path(_BASE, "deliveries", delivery_id, "replay"), _delivery)


def _body(fields: Mapping[str, Any]) -> bytes:
    return encode_value(fields, "")


class Notifications:
    """Who is told of what. `who`: an id or a name. For administrators, but for reading rules."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def add_channel(self, name: str, kind: str, **fields: Unpack[ChannelFields]) -> NewChannel:
        """Make a channel of kind "webhook", "email" or "apprise". The secret of a webhook is told
        only now. Raises Conflict when the name is taken."""
        return self._run(add_channel(name, kind, fields))

    def channels(self) -> Sequence[Channel]:
        """All channels, oldest first."""
        return list(items(self._run, channels))

    def change_channel(self, who: str, **fields: Unpack[ChannelChanges]) -> Channel:
        """Rename it, lead it elsewhere, disable it or let it speak again. Raises NotFound."""
        return self._run(change_channel(who, fields))

    def delete_channel(self, who: str) -> None:
        """Delete a channel. Raises NotFound, Conflict while a rule names it."""
        self._run(delete_channel(who))

    def rotate(self, who: str) -> NewChannel:
        """Give a webhook a new secret, told only now; the former one signs too for a day."""
        return self._run(rotate(who))

    def test(self, who: str) -> Delivery:
        """Send a test; ask `delivery` what came of it. Raises NotFound, IllegalTransition."""
        return self._run(test(who))

    def add_rule(self, name: str, event: str, **fields: Unpack[RuleFields]) -> Rule:
        """Make a rule about an event like "job.failed". Raises Conflict, InvalidInput."""
        return self._run(add_rule(name, event, fields))

    def rules(self) -> Sequence[Rule]:
        """All rules, oldest first."""
        return list(items(self._run, rules))

    def change_rule(self, who: str, **fields: Unpack[RuleChanges]) -> Rule:
        """Change a rule, which then begins to count anew. Raises NotFound, InvalidInput."""
        return self._run(change_rule(who, fields))

    def delete_rule(self, who: str) -> None:
        """Delete a rule. Raises NotFound."""
        self._run(delete_rule(who))

    def deliveries(
        self, *, status: str | None = None, channel: str | None = None, limit: int = 50
    ) -> Sequence[Delivery]:
        """The newest deliveries first, up to 500. `status`: pending, delivered or failed."""
        return self._run(deliveries(status, channel, limit)).items

    def delivery(self, delivery_id: str) -> Delivery:
        """One delivery. Raises NotFound."""
        return self._run(delivery(delivery_id))

    def replay(self, delivery_id: str) -> Delivery:
        """Send a delivery again, under its id. Raises NotFound, IllegalTransition."""
        return self._run(replay(delivery_id))


class AsyncNotifications:
    """`Notifications`, awaited."""

    def __init__(self, run: RunAwaited) -> None:
        self._run = run

    def add_channel(
        self, name: str, kind: str, **fields: Unpack[ChannelFields]
    ) -> Awaitable[NewChannel]:
        """See `Notifications.add_channel`."""
        return self._run(add_channel(name, kind, fields))

    async def channels(self) -> Sequence[Channel]:
        """See `Notifications.channels`."""
        return [item async for item in items_awaited(self._run, channels)]

    def change_channel(self, who: str, **fields: Unpack[ChannelChanges]) -> Awaitable[Channel]:
        """See `Notifications.change_channel`."""
        return self._run(change_channel(who, fields))

    def delete_channel(self, who: str) -> Awaitable[None]:
        """See `Notifications.delete_channel`."""
        return self._run(delete_channel(who))

    def rotate(self, who: str) -> Awaitable[NewChannel]:
        """See `Notifications.rotate`."""
        return self._run(rotate(who))

    def test(self, who: str) -> Awaitable[Delivery]:
        """See `Notifications.test`."""
        return self._run(test(who))

    def add_rule(self, name: str, event: str, **fields: Unpack[RuleFields]) -> Awaitable[Rule]:
        """See `Notifications.add_rule`."""
        return self._run(add_rule(name, event, fields))

    async def rules(self) -> Sequence[Rule]:
        """See `Notifications.rules`."""
        return [item async for item in items_awaited(self._run, rules)]

    def change_rule(self, who: str, **fields: Unpack[RuleChanges]) -> Awaitable[Rule]:
        """See `Notifications.change_rule`."""
        return self._run(change_rule(who, fields))

    def delete_rule(self, who: str) -> Awaitable[None]:
        """See `Notifications.delete_rule`."""
        return self._run(delete_rule(who))

    async def deliveries(
        self, *, status: str | None = None, channel: str | None = None, limit: int = 50
    ) -> Sequence[Delivery]:
        """See `Notifications.deliveries`."""
        return (await self._run(deliveries(status, channel, limit))).items

    def delivery(self, delivery_id: str) -> Awaitable[Delivery]:
        """See `Notifications.delivery`."""
        return self._run(delivery(delivery_id))

    def replay(self, delivery_id: str) -> Awaitable[Delivery]:
        """See `Notifications.replay`."""
        return self._run(replay(delivery_id))
