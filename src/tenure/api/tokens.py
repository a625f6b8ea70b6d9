"""Tokens for programs and workers."""

from __future__ import annotations

from litestar import delete, get, post
from litestar.params import FromPath, FromQuery

from tenure.api.exchange import Answer, Ask, answer, coordinator, model_body, principal_of
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.wire import access
from tenure.wire.base import Page


@get(
    "/api/tokens",
    operation_id="list_tokens",
    summary="List one's own tokens; all of them for administrators",
    opt=allow(Permission.ACCOUNT, answers={200: Page[access.Token]}),
)
async def list_tokens(
    request: Ask, limit: FromQuery[int | None] = None, after: FromQuery[str | None] = None
) -> Answer:
    return answer(await coordinator(request).tokens.list(principal_of(request), limit, after))


@post(
    "/api/tokens",
    operation_id="create_token",
    summary="Make a token, which is told only here",
    opt=allow(Permission.ACCOUNT, body=access.TokenIn, answers={201: access.NewToken}),
)
async def create_token(request: Ask) -> Answer:
    asked = await model_body(request, access.TokenIn)
    return answer(await coordinator(request).tokens.create(principal_of(request), asked), 201)


@delete(
    "/api/tokens/{token_id:str}",
    operation_id="revoke_token",
    summary="Void a token",
    status_code=204,
    opt=allow(Permission.ACCOUNT),
)
async def revoke_token(request: Ask, token_id: FromPath[str]) -> None:
    await coordinator(request).tokens.revoke(principal_of(request), token_id)


ROUTES = [list_tokens, create_token, revoke_token]
