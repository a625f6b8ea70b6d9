"""Accounts of people: signing up, logging in and out."""

from __future__ import annotations

from litestar import get, post

from tenure.api.authentication import bearer
from tenure.api.exchange import (
    Answer,
    Ask,
    answer,
    coordinator,
    model_body,
    optional_body,
    principal_of,
)
from tenure.api.security import allow
from tenure.api.throttling import admit
from tenure.coordinator.throttling import Door
from tenure.domain.access import Permission
from tenure.wire import access


@post(
    "/api/auth/register",
    operation_id="register_user",
    summary="Make an account",
    opt=allow(Permission.OPEN, body=access.SignUpIn, answers={201: access.User}),
)
async def register(request: Ask) -> Answer:
    return await sign_up(request)


async def sign_up(request: Ask) -> Answer:
    """Make an account; also for the other name of the route."""
    asked, address = await model_body(request, access.SignUpIn), admit(request, Door.REGISTER)
    return answer(await coordinator(request).accounts.register(asked, address), 201)


@post(
    "/api/auth/login",
    operation_id="login",
    summary="Log in by e-mail or name",
    status_code=200,
    opt=allow(Permission.OPEN, body=access.LoginIn, answers={200: access.LoggedIn}),
)
async def login(request: Ask) -> Answer:
    asked, here = await model_body(request, access.LoginIn), coordinator(request)
    address = admit(request, Door.LOGIN, asked.login)
    told = await here.accounts.login(asked, address)
    here.throttle.succeeded(address, asked.login)
    return answer(told)


@post(
    "/api/auth/refresh",
    operation_id="refresh_login",
    summary="The next pair of tokens for a refresh token, which is good once",
    status_code=200,
    opt=allow(Permission.OPEN, body=access.RefreshIn, answers={200: access.LoggedIn}),
)
async def refresh(request: Ask) -> Answer:
    asked, address = await model_body(request, access.RefreshIn), admit(request, Door.REFRESH)
    return answer(await coordinator(request).accounts.refresh(asked.refresh_token, address))


@post(
    "/api/auth/logout",
    operation_id="logout",
    summary="End a login",
    status_code=204,
    opt=allow(Permission.OPEN, body=access.LogoutIn, optional=True),
)
async def logout(request: Ask) -> None:
    asked = await optional_body(request, access.LogoutIn)
    token = bearer(request.scope)
    await coordinator(request).accounts.logout(asked.refresh_token, token)


@get(
    "/api/auth/me",
    operation_id="get_me",
    summary="Who asks",
    opt=allow(Permission.KNOWN, answers={200: access.Me}),
)
async def me(request: Ask) -> Answer:
    return answer(await coordinator(request).accounts.me(principal_of(request)))


@post(
    "/api/auth/password",
    operation_id="change_password",
    summary="Change one's own password; every other login ends",
    status_code=200,
    opt=allow(Permission.ACCOUNT, body=access.PasswordIn, answers={200: access.LoggedIn}),
)
async def change_password(request: Ask) -> Answer:
    asked, who = await model_body(request, access.PasswordIn), principal_of(request)
    here, account = coordinator(request), f"password of {who.id}"
    address = admit(request, Door.LOGIN, account)
    told = await here.accounts.change_password(who, asked)
    here.throttle.succeeded(address, account)
    return answer(told)


ROUTES = [register, login, refresh, logout, me, change_password]
