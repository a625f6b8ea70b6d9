"""Accounts for administrators. `who` is an id, a name or an e-mail."""

from __future__ import annotations

from litestar import delete, get, patch, post
from litestar.params import FromPath, FromQuery

from tenure.api.exchange import Answer, Ask, answer, coordinator, model_body, principal_of
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.wire import access
from tenure.wire.base import Page


@get(
    "/api/users",
    operation_id="list_users",
    summary="List users, oldest first",
    opt=allow(Permission.ADMINISTER, answers={200: Page[access.User]}),
)
async def list_users(
    request: Ask, limit: FromQuery[int | None] = None, after: FromQuery[str | None] = None
) -> Answer:
    return answer(await coordinator(request).users.list(limit, after))


@post(
    "/api/users",
    operation_id="create_user",
    summary="Make an account of any role",
    opt=allow(Permission.ADMINISTER, body=access.UserIn, answers={201: access.User}),
)
async def create_user(request: Ask) -> Answer:
    asked = await model_body(request, access.UserIn)
    user = await coordinator(request).users.add(principal_of(request), asked)
    return answer(user, 201, {"Location": f"/api/users/{user.id}"})


@get(
    "/api/users/{who:str}",
    operation_id="get_user",
    summary="Read a user",
    opt=allow(Permission.ADMINISTER, answers={200: access.User}),
)
async def get_user(request: Ask, who: FromPath[str]) -> Answer:
    return answer(await coordinator(request).users.get(who))


@patch(
    "/api/users/{who:str}",
    operation_id="change_user",
    summary="Change a role, lock out or let in again",
    opt=allow(Permission.ADMINISTER, body=access.UserEditIn, answers={200: access.User}),
)
async def change_user(request: Ask, who: FromPath[str]) -> Answer:
    asked = await model_body(request, access.UserEditIn)
    return answer(await coordinator(request).users.change(principal_of(request), who, asked))


@post(
    "/api/users/{who:str}/password",
    operation_id="reset_password",
    summary="Set somebody's password; every login of it ends",
    status_code=200,
    opt=allow(Permission.ADMINISTER, body=access.ResetIn, answers={200: access.User}),
)
async def reset_password(request: Ask, who: FromPath[str]) -> Answer:
    asked = await model_body(request, access.ResetIn)
    users, caller = coordinator(request).users, principal_of(request)
    return answer(await users.reset_password(caller, who, asked.password))


@delete(
    "/api/users/{who:str}",
    operation_id="delete_user",
    summary="Delete an account, its logins and tokens; what it owns stays",
    status_code=204,
    opt=allow(Permission.ADMINISTER),
)
async def delete_user(request: Ask, who: FromPath[str]) -> None:
    await coordinator(request).users.delete(principal_of(request), who)


ROUTES = [list_users, create_user, get_user, change_user, reset_password, delete_user]
