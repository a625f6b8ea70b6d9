"""Notifications: channels, rules, deliveries."""

from __future__ import annotations

from litestar import delete, get, patch, post
from litestar.params import FromPath, FromQuery

from tenure.api.exchange import Answer, Ask, answer, coordinator, model_body, principal_of
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.wire import notifications as wire
from tenure.wire.base import Page

_CHANNELS = "/api/notifications/channels"
_RULES = "/api/notifications/rules"
_DELIVERIES = "/api/notifications/deliveries"


@get(
    _CHANNELS,
    operation_id="list_channels",
    summary="List channels",
    opt=allow(Permission.ADMINISTER, answers={200: Page[wire.Channel]}),
)
async def list_channels(
    request: Ask, limit: FromQuery[int | None] = None, after: FromQuery[str | None] = None
) -> Answer:
    return answer(await coordinator(request).notifying.channels(limit, after))


@post(
    _CHANNELS,
    operation_id="create_channel",
    summary="Make a channel; the secret of a webhook is told only here",
    opt=allow(Permission.ADMINISTER, body=wire.ChannelIn, answers={201: wire.NewChannel}),
)
async def create_channel(request: Ask) -> Answer:
    asked = await model_body(request, wire.ChannelIn)
    made = await coordinator(request).notifying.add_channel(asked, principal_of(request))
    return answer(made, 201, {"Location": f"{_CHANNELS}/{made.id}"})


@get(
    f"{_CHANNELS}/{{channel:str}}",
    operation_id="get_channel",
    summary="A channel, by id or name",
    opt=allow(Permission.ADMINISTER, answers={200: wire.Channel}),
)
async def get_channel(request: Ask, channel: FromPath[str]) -> Answer:
    return answer(await coordinator(request).notifying.channel(channel))


@patch(
    f"{_CHANNELS}/{{channel:str}}",
    operation_id="change_channel",
    summary="Change a channel, disable it or let it speak again",
    opt=allow(Permission.ADMINISTER, body=wire.ChannelEditIn, answers={200: wire.Channel}),
)
async def change_channel(request: Ask, channel: FromPath[str]) -> Answer:
    asked = await model_body(request, wire.ChannelEditIn)
    notifying = coordinator(request).notifying
    return answer(await notifying.change_channel(channel, asked, principal_of(request)))


@delete(
    f"{_CHANNELS}/{{channel:str}}",
    operation_id="delete_channel",
    summary="Delete a channel that no rule names",
    status_code=204,
    opt=allow(Permission.ADMINISTER),
)
async def delete_channel(request: Ask, channel: FromPath[str]) -> None:
    await coordinator(request).notifying.delete_channel(channel, principal_of(request))


@post(
    f"{_CHANNELS}/{{channel:str}}/rotate",
    operation_id="rotate_channel",
    summary="A new secret for a webhook; the former one signs too for a day",
    opt=allow(Permission.ADMINISTER, answers={200: wire.NewChannel}),
)
async def rotate_channel(request: Ask, channel: FromPath[str]) -> Answer:
    return answer(await coordinator(request).notifying.rotate(channel, principal_of(request)))


@post(
    f"{_CHANNELS}/{{channel:str}}/test",
    operation_id="test_channel",
    summary="Send a test over a channel; the delivery tells what came of it",
    opt=allow(Permission.ADMINISTER, answers={202: wire.Delivery}),
)
async def test_channel(request: Ask, channel: FromPath[str]) -> Answer:
    return answer(await coordinator(request).notifying.test(channel, principal_of(request)), 202)


@get(
    _RULES,
    operation_id="list_rules",
    summary="List rules",
    opt=allow(Permission.READ, answers={200: Page[wire.Rule]}),
)
async def list_rules(
    request: Ask, limit: FromQuery[int | None] = None, after: FromQuery[str | None] = None
) -> Answer:
    return answer(await coordinator(request).notifying.rules(limit, after))


@post(
    _RULES,
    operation_id="create_rule",
    summary="Make a rule: who is told of what",
    opt=allow(Permission.ADMINISTER, body=wire.RuleIn, answers={201: wire.Rule}),
)
async def create_rule(request: Ask) -> Answer:
    asked = await model_body(request, wire.RuleIn)
    made = await coordinator(request).notifying.add_rule(asked, principal_of(request))
    return answer(made, 201, {"Location": f"{_RULES}/{made.id}"})


@get(
    f"{_RULES}/{{rule:str}}",
    operation_id="get_rule",
    summary="A rule, by id or name",
    opt=allow(Permission.READ, answers={200: wire.Rule}),
)
async def get_rule(request: Ask, rule: FromPath[str]) -> Answer:
    return answer(await coordinator(request).notifying.rule(rule))


@patch(
    f"{_RULES}/{{rule:str}}",
    operation_id="change_rule",
    summary="Change a rule, which then begins to count anew",
    opt=allow(Permission.ADMINISTER, body=wire.RuleEditIn, answers={200: wire.Rule}),
)
async def change_rule(request: Ask, rule: FromPath[str]) -> Answer:
    asked = await model_body(request, wire.RuleEditIn)
    notifying = coordinator(request).notifying
    return answer(await notifying.change_rule(rule, asked, principal_of(request)))


@delete(
    f"{_RULES}/{{rule:str}}",
    operation_id="delete_rule",
    summary="Delete a rule",
    status_code=204,
    opt=allow(Permission.ADMINISTER),
)
async def delete_rule(request: Ask, rule: FromPath[str]) -> None:
    await coordinator(request).notifying.delete_rule(rule, principal_of(request))


@get(
    _DELIVERIES,
    operation_id="list_deliveries",
    summary="What was sent and what came of it, newest first",
    opt=allow(Permission.ADMINISTER, answers={200: Page[wire.Delivery]}),
)
async def list_deliveries(
    request: Ask,
    status: FromQuery[str | None] = None,
    channel: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
    after: FromQuery[str | None] = None,
) -> Answer:
    asked = {"status": status, "channel": channel}
    return answer(await coordinator(request).notifying.deliveries(asked, limit, after))


@get(
    f"{_DELIVERIES}/{{delivery_id:str}}",
    operation_id="get_delivery",
    summary="One delivery",
    opt=allow(Permission.ADMINISTER, answers={200: wire.Delivery}),
)
async def get_delivery(request: Ask, delivery_id: FromPath[str]) -> Answer:
    return answer(await coordinator(request).notifying.delivery(delivery_id))


@post(
    f"{_DELIVERIES}/{{delivery_id:str}}/replay",
    operation_id="replay_delivery",
    summary="Send a delivery again, under its id",
    opt=allow(Permission.ADMINISTER, answers={202: wire.Delivery}),
)
async def replay_delivery(request: Ask, delivery_id: FromPath[str]) -> Answer:
    notifying = coordinator(request).notifying
    return answer(await notifying.replay(delivery_id, principal_of(request)), 202)


ROUTES = [
    list_channels, create_channel, get_channel, change_channel, delete_channel, rotate_channel,
    test_channel, list_rules, create_rule, get_rule, change_rule, delete_rule, list_deliveries,
    get_delivery, replay_delivery,
]  # fmt: skip
