"""What people ask about notifications, and set."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tenure.coordinator import cursors, queries, witness
from tenure.domain.access import Principal
from tenure.domain.clock import SECOND, Clock, rfc3339
from tenure.domain.errors import IllegalTransition, InvalidInput
from tenure.domain.grammar import parse
from tenure.domain.ids import IdSource, first_at, is_id
from tenure.domain.notification import TEST, ChannelKind, Topic
from tenure.domain.query import LAST_ID, InStates
from tenure.store import channels, deliveries, rules
from tenure.store.channels import ChannelRow
from tenure.store.committer import Committer
from tenure.store.deliveries import DeliveryRow, Message
from tenure.store.reader import Reader
from tenure.store.rules import RuleRow
from tenure.store.unit import Unit, json_text
from tenure.wire import notifications as wire
from tenure.wire.base import Page, maybe_time_out, time_out, validate

_ids: msgspec.json.Decoder[list[str]] = msgspec.json.Decoder(list[str])


class Notifying:
    """Channels, rules and deliveries. Use from one event loop."""

    def __init__(self, committer: Committer, reader: Reader, ids: IdSource, clock: Clock) -> None:
        self._committer = committer
        self._reader = reader
        self._ids = ids
        self._clock = clock
        self._told: Callable[[], None] | None = None

    def on_message(self, tell: Callable[[], None]) -> None:
        """Call `tell` when there is something to deliver, or another rule."""
        self._told = tell

    async def add_channel(self, asked: wire.ChannelIn, principal: Principal) -> wire.NewChannel:
        """Make a channel; the secret of a webhook is told only here. Raises Conflict."""
        now = self._clock.now()
        secret = _new_secret() if asked.kind is ChannelKind.WEBHOOK else None
        row = ChannelRow(
            self._ids.one(now), asked.name, asked.kind.value, asked.target, secret,
            None, None, None, None, now,
        )  # fmt: skip

        def add(unit: Unit) -> None:
            channels.add_channel(unit, row)
            witness.administered(unit, "channel.add", principal, row.id, after=_noted(row))

        await self._committer.run(add)
        return _with_secret(row)

    async def channels(self, limit: int | None, after: str | None) -> Page[wire.Channel]:
        """Channels by id, which is order of creation."""
        size, start = _stretch(limit, after)
        rows = await self._reader.run(lambda unit: channels.list_channels(unit, start, size))
        following = rows[-1].id if len(rows) == size else None
        return Page(items=[_channel(row) for row in rows], next=following)

    async def channel(self, who: str) -> wire.Channel:
        """A channel by id or name. Raises NotFound."""
        return _channel(await self._reader.run(lambda unit: channels.get_channel(unit, who)))

    async def change_channel(
        self, who: str, asked: wire.ChannelEditIn, principal: Principal
    ) -> wire.Channel:
        """Change a channel. Raises NotFound, Conflict, InvalidInput."""

        def change(unit: Unit) -> ChannelRow:
            row = channels.get_channel(unit, who)
            changes = _channel_changes(row, asked)
            if changes:
                channels.change_channel(unit, row.id, changes)
            if asked.disabled and row.disabled_at is None:
                channels.disable(unit, row.id, f"disabled by {principal.name}")
            new = channels.get_channel(unit, row.id)
            said = _noted(row), _noted(new)
            witness.administered(unit, "channel.change", principal, row.id, *said)
            return new

        return _channel(await self._committer.run(change, key=who))

    async def rotate(self, who: str, principal: Principal) -> wire.NewChannel:
        """Give a webhook a new secret; the former one signs too for a day. Raises NotFound,
        IllegalTransition."""
        secret = _new_secret()

        def rotate(unit: Unit) -> ChannelRow:
            row = channels.get_channel(unit, who)
            if row.kind != ChannelKind.WEBHOOK:
                raise IllegalTransition("only webhooks have a secret")
            channels.rotate(unit, row, secret)
            witness.administered(unit, "channel.rotate", principal, row.id)
            return channels.get_channel(unit, row.id)

        return _with_secret(await self._committer.run(rotate, key=who))

    async def delete_channel(self, who: str, principal: Principal) -> None:
        """Delete a channel. Raises NotFound, Conflict while a rule names it."""

        def delete(unit: Unit) -> None:
            row = channels.get_channel(unit, who)
            channels.delete_channel(unit, row.id)
            witness.administered(unit, "channel.delete", principal, row.id, _noted(row))

        await self._committer.run(delete, key=who)

    async def test(self, who: str, principal: Principal) -> wire.Delivery:
        """Send a message over a channel, as any other is sent. Raises NotFound,
        IllegalTransition."""
        id_ = self._ids.one(self._clock.now())

        def test(unit: Unit) -> DeliveryRow:
            row = channels.get_channel(unit, who)
            if row.disabled_at is not None:
                raise IllegalTransition("the channel is disabled")
            data = {"channel": row.name, "by": principal.name}
            body = json_text({"type": TEST, "timestamp": rfc3339(unit.now), "data": data})
            deliveries.enqueue(unit, [Message(id_, row.id, None, TEST, body)])
            return deliveries.get_delivery(unit, id_)

        made = await self._committer.run(test)
        self._wake()
        return _delivery(made)

    async def add_rule(self, asked: wire.RuleIn, principal: Principal) -> wire.Rule:
        """Make a rule. Raises Conflict, InvalidInput."""
        now = self._clock.now()
        _check_filter(asked.event, asked.filter, now)
        id_ = self._ids.one(now)

        def add(unit: Unit) -> RuleRow:
            row = RuleRow(
                id_, asked.name, asked.event.value, asked.filter, _chosen(unit, asked.channels),
                asked.threshold, asked.window_seconds * SECOND, asked.cool_down_seconds * SECOND,
                int(asked.recovery), int(asked.enabled), now,
            )  # fmt: skip
            rules.add_rule(unit, row)
            witness.administered(unit, "rule.add", principal, id_, after=_said(row))
            return row

        return await self._ruled(await self._committer.run(add))

    async def rules(self, limit: int | None, after: str | None) -> Page[wire.Rule]:
        """Rules by id, which is order of creation."""
        size, start = _stretch(limit, after)
        rows = await self._reader.run(lambda unit: rules.list_rules(unit, start, size))
        following = rows[-1].id if len(rows) == size else None
        return Page(items=[_rule(row) for row in rows], next=following)

    async def rule(self, who: str) -> wire.Rule:
        """A rule by id or name. Raises NotFound."""
        return _rule(await self._reader.run(lambda unit: rules.get_rule(unit, who)))

    async def change_rule(
        self, who: str, asked: wire.RuleEditIn, principal: Principal
    ) -> wire.Rule:
        """Change a rule, which then begins anew. Raises NotFound, Conflict, InvalidInput."""
        now = self._clock.now()

        def change(unit: Unit) -> RuleRow:
            row = rules.get_rule(unit, who)
            changes = _rule_changes(unit, asked)
            new = row._replace(**{**rules.FORGOTTEN, **changes})
            _check_filter(Topic(new.topic), new.filter, now)
            rules.change_rule(unit, row.id, changes)
            witness.administered(unit, "rule.change", principal, row.id, _said(row), _said(new))
            return new

        return await self._ruled(await self._committer.run(change, key=who))

    async def delete_rule(self, who: str, principal: Principal) -> None:
        """Delete a rule. Raises NotFound."""

        def delete(unit: Unit) -> RuleRow:
            row = rules.get_rule(unit, who)
            rules.delete_rule(unit, row.id)
            witness.administered(unit, "rule.delete", principal, row.id, _said(row))
            return row

        await self._ruled(await self._committer.run(delete, key=who))

    async def _ruled(self, row: RuleRow) -> wire.Rule:
        """Rules changed: what this coordinator commits from now on knows it."""
        self._committer.watched = await self._reader.run(rules.watched)
        return _rule(row)

    async def deliveries(
        self, asked: Mapping[str, str | None], limit: int | None, after: str | None
    ) -> Page[wire.Delivery]:
        """Deliveries, newest first. Raises InvalidInput, NotFound for an unknown channel."""
        query = validate(wire.DeliveryQuery, {k: v for k, v in asked.items() if v})
        size = queries.page_size("limit", limit)
        below = LAST_ID if after is None else cursors.to_delivery(after)

        def read(unit: Unit) -> list[DeliveryRow]:
            wanted: dict[str, str] = {}
            if query.status is not None:
                wanted["state"] = query.status.value
            if query.channel is not None:
                wanted["channel_id"] = channels.get_channel(unit, query.channel).id
            return deliveries.list_deliveries(unit, wanted, below, size + 1)

        rows = await self._reader.run(read)
        following = cursors.of_delivery(rows[size - 1].id) if len(rows) > size else None
        return Page(items=[_delivery(row) for row in rows[:size]], next=following)

    async def delivery(self, delivery_id: str) -> wire.Delivery:
        """One delivery. Raises NotFound."""
        return _delivery(
            await self._reader.run(lambda unit: deliveries.get_delivery(unit, delivery_id))
        )

    async def replay(self, delivery_id: str, principal: Principal) -> wire.Delivery:
        """Send a delivery again under its id. Raises NotFound, IllegalTransition."""

        def replay(unit: Unit) -> DeliveryRow:
            deliveries.replay(unit, delivery_id)
            witness.administered(unit, "delivery.replay", principal, delivery_id)
            return deliveries.get_delivery(unit, delivery_id)

        row = await self._committer.run(replay, key=delivery_id)
        self._wake()
        return _delivery(row)

    def _wake(self) -> None:
        if self._told is not None:
            self._told()


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _stretch(limit: int | None, after: str | None) -> tuple[int, str]:
    size = queries.bounded("limit", limit, queries.DEFAULT_PAGE, queries.MAX_PAGE)
    if after is not None and not is_id(after):
        raise InvalidInput.field("after", "must be an id, from `next`")
    return size, after or first_at(0)


def _check_filter(topic: Topic, text: str | None, now: int) -> None:
    if text is None:
        return
    if topic.kind != "job":
        raise InvalidInput.field("filter", "goes with events of jobs only")
    query = parse(text, now, "filter")
    if any(isinstance(clause, InStates) for clause in query.clauses):
        raise InvalidInput.field("filter", "leave status out: the event says it")


def _chosen(unit: Unit, names: tuple[str, ...]) -> str:
    """The ids of channels, as JSON."""
    return json_text([channels.get_channel(unit, name).id for name in dict.fromkeys(names)])


def _channel_changes(row: ChannelRow, asked: wire.ChannelEditIn) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if asked.name is not None:
        changes["name"] = asked.name
    if asked.url is not None or asked.to is not None:
        try:
            wire.check_target(row.kind, asked.url, asked.to)
        except ValueError as error:
            raise InvalidInput.field("", str(error)) from None
        changes["target"] = wire.target_of(asked.url, asked.to)
    if asked.disabled is False:
        changes |= {"disabled_at": None, "disabled_reason": None}
    return changes


def _rule_changes(unit: Unit, asked: wire.RuleEditIn) -> dict[str, Any]:
    given = asked.model_dump(exclude_unset=True)
    changes: dict[str, Any] = {}
    for name, value in given.items():
        if value is None and name != "filter":
            raise InvalidInput.field(name, "must not be null")
        match name:
            case "event":
                changes["topic"] = value.value
            case "channels":
                changes["channel_ids"] = _chosen(unit, value)
            case "window_seconds":
                changes["window_span"] = value * SECOND
            case "cool_down_seconds":
                changes["cool_down"] = value * SECOND
            case "recovery" | "enabled":
                changes[name] = int(value)
            case _:
                changes[name] = value
    return changes


def _masked(row: ChannelRow) -> str:
    """Where it leads; paths, queries and Apprise's URLs hold secrets."""
    if row.kind == ChannelKind.EMAIL:
        return row.target
    parts = urlsplit(row.target)
    if row.kind == ChannelKind.APPRISE:
        return f"{parts.scheme}://..."
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}/" + ("..." if parts.path.strip("/") or parts.query else "")


def _channel(row: ChannelRow) -> wire.Channel:
    return wire.Channel(**_shown(row))


def _with_secret(row: ChannelRow) -> wire.NewChannel:
    return wire.NewChannel(**_shown(row), secret=row.secret)


def _shown(row: ChannelRow) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "kind": row.kind, "target": _masked(row),
        "disabled": row.disabled_at is not None, "disabled_reason": row.disabled_reason,
        "old_secret_until": maybe_time_out(row.old_secret_until),
        "created_at": time_out(row.created_at),
    }  # fmt: skip


def _noted(row: ChannelRow) -> dict[str, Any]:
    """A channel for the audit."""
    names = ("name", "kind", "target", "disabled", "disabled_reason")
    return {name: value for name, value in _shown(row).items() if name in names}


def _rule(row: RuleRow) -> wire.Rule:
    return wire.Rule(
        id=row.id,
        name=row.name,
        event=row.topic,
        filter=row.filter,
        channels=_ids.decode(row.channel_ids),
        threshold=row.threshold,
        window_seconds=row.window_span // SECOND,
        cool_down_seconds=row.cool_down // SECOND,
        recovery=bool(row.recovery),
        enabled=bool(row.enabled),
        told_at=maybe_time_out(row.told_at),
        suppressed=row.suppressed,
        alarmed=row.recovers_at is not None,
        created_at=time_out(row.created_at),
    )


def _said(row: RuleRow) -> dict[str, Any]:
    """A rule for the audit."""
    names = ("name", "topic", "filter", "channel_ids", "threshold", "enabled")
    return {name: getattr(row, name) for name in names}


def _delivery(row: DeliveryRow) -> wire.Delivery:
    return wire.Delivery(
        id=row.id,
        channel_id=row.channel_id,
        channel=row.channel,
        rule=row.rule,
        event=row.topic,
        status=row.state,
        attempts=row.attempts,
        next_at=time_out(row.next_at) if row.state == "pending" else None,
        response_status=row.status,
        response=row.response,
        error=row.error,
        body=msgspec.Raw(row.body.encode()),
        created_at=time_out(row.created_at),
        finished_at=maybe_time_out(row.finished_at),
    )
