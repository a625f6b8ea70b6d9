"""Notifications over HTTP: channels, rules, deliveries."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from tenure.domain.notification import MAX_THRESHOLD, ChannelKind, DeliveryState, Topic
from tenure.wire.access import Email
from tenure.wire.base import Input, Output, Text, Time

_DAY_SECONDS = 86_400
Label = Annotated[Text, Field(min_length=1, max_length=100)]
Url = Annotated[Text, Field(min_length=1, max_length=2_000)]
Receivers = Annotated[tuple[Email, ...], Field(min_length=1, max_length=50)]
Named = Annotated[tuple[Label, ...], Field(min_length=1, max_length=20)]
Flag = Annotated[bool, Field(strict=True)]
Threshold = Annotated[int, Field(ge=1, le=MAX_THRESHOLD, strict=True)]
Window = Annotated[int, Field(ge=1, le=7 * _DAY_SECONDS, strict=True)]
CoolDown = Annotated[int, Field(ge=0, le=30 * _DAY_SECONDS, strict=True)]


def _web(value: str) -> str:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole or any(letter.isspace() for letter in value):
        raise ValueError("must be a whole URL, like https://example.org/hook")
    return value


WebUrl = Annotated[Url, AfterValidator(_web)]


class ChannelIn(Input):
    """A channel to be made. `url` goes with webhook and apprise, `to` with email."""

    name: Label
    kind: ChannelKind
    url: Url | None = None
    to: Receivers | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        check_target(self.kind, self.url, self.to)
        return self

    @property
    def target(self) -> str:
        """Where it leads, as it is stored."""
        return target_of(self.url, self.to) or ""


def check_target(kind: str, url: str | None, to: tuple[str, ...] | None) -> None:
    """Raises ValueError unless exactly what goes with the kind is given."""
    email = kind == ChannelKind.EMAIL
    if (to is not None) != email or (url is not None) == email:
        raise ValueError("give to with the kind email, url with webhook and apprise")
    if url is not None and kind == ChannelKind.WEBHOOK:
        _web(url)
    if url is not None and "://" not in url:
        raise ValueError("url must be one that Apprise knows, like slack://...")


def target_of(url: str | None, to: tuple[str, ...] | None) -> str | None:
    """Where a channel leads, as it is stored."""
    return url if to is None else ",".join(to)


class ChannelEditIn(Input):
    """What is changed of a channel. `disabled` false lets a channel speak again."""

    name: Label | None = None
    url: Url | None = None
    to: Receivers | None = None
    disabled: Flag | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        return self


class RuleIn(Input):
    """A rule to be made: about `event`, of jobs that fit `filter`, told to `channels` (names or
    ids) at the `threshold`th event inside the window, then not before the cool-down is over."""

    name: Label
    event: Topic
    channels: Named
    filter: Annotated[Text, Field(min_length=1)] | None = None
    threshold: Threshold = 1
    window_seconds: Window = 300
    cool_down_seconds: CoolDown = 0
    recovery: Flag = False
    enabled: Flag = True


class RuleEditIn(Input):
    """What is changed of a rule; it then begins to count anew."""

    name: Label | None = None
    event: Topic | None = None
    channels: Named | None = None
    filter: Annotated[Text, Field(min_length=1)] | None = None
    threshold: Threshold | None = None
    window_seconds: Window | None = None
    cool_down_seconds: CoolDown | None = None
    recovery: Flag | None = None
    enabled: Flag | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        return self


State = Literal[DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.FAILED]


class DeliveryQuery(Input):
    """What deliveries to show; both hold."""

    status: State | None = None
    channel: Label | None = None


class Channel(Output, kw_only=True):
    """A channel. `target` shows where it leads, without what may be secret in it.
    `old_secret_until`: the secret before the last rotation signs too until then."""

    id: str
    name: str
    kind: str
    target: str
    disabled: bool
    disabled_reason: str | None = None
    old_secret_until: Time | None = None
    created_at: Time


class NewChannel(Channel, kw_only=True):
    """A channel with a new secret, which is told only here; null unless it is a webhook."""

    secret: str | None


class Rule(Output, kw_only=True):
    """A rule. `alarmed`: it spoke and waits for the recovery; `suppressed` counts what the
    cool-down passed over since it spoke."""

    id: str
    name: str
    event: str
    filter: str | None
    channels: list[str]
    threshold: int
    window_seconds: int
    cool_down_seconds: int
    recovery: bool
    enabled: bool
    told_at: Time | None = None
    suppressed: int = 0
    alarmed: bool = False
    created_at: Time


class Delivery(Output, kw_only=True):
    """A message on its way over one channel. `id` is what receivers know it by. `response_status`
    and `response` are of the last attempt, `next_at` is when it is tried (again)."""

    id: str
    channel_id: str
    channel: str | None
    rule: str | None
    event: str
    status: str
    attempts: int
    next_at: Time | None
    response_status: int | None
    response: str | None
    error: str | None
    body: Any
    created_at: Time
    finished_at: Time | None
