"""Every error as application/problem+json (RFC 9457), from one table of classes to statuses."""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import Any

from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.types import ExceptionHandlersMap
from loguru import logger

from tenure.domain import errors as e
from tenure.wire.base import encode
from tenure.wire.problem import MEDIA_TYPE, from_error

STATUSES: dict[type[e.TenureError], int] = {
    e.InvalidInput: 422,
    e.MalformedBody: 400,
    e.NotAcceptableType: 415,
    e.TooLarge: 413,
    e.NotFound: 404,
    e.MethodNotAllowed: 405,
    e.Conflict: 409,
    e.PreconditionFailed: 412,
    e.Unauthenticated: 401,
    e.Forbidden: 403,
    e.TooMany: 429,
    e.Unavailable: 503,
    e.TenureError: 500,
}


def status_of(error: e.TenureError) -> int:
    """The status of the nearest class in the table."""
    return next(STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES)


def response(error: e.TenureError, headers: dict[str, str] | None = None) -> Response[bytes]:
    """An error as an answer. 429 and 503 carry Retry-After."""
    status = status_of(error)
    headers = dict(headers or {})
    if status in (429, 503):
        headers["Retry-After"] = str(max(1, ceil(error.retry_after or 1)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        encode(from_error(error, status)),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _ours(_: Request[Any, Any, Any], error: e.TenureError) -> Response[bytes]:
    return response(error)


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    headers = {str(name): str(value) for name, value in (error.headers or {}).items()}
    return response(_translate(request, error), headers)


def _translate(request: Request[Any, Any, Any], error: HTTPException) -> e.TenureError:
    path = request.scope["path"]
    if isinstance(error, ValidationException):
        fields = tuple(
            e.FieldError(f"/{item.get('key', '')}", str(item.get("message", "")))
            for item in (error.extra if isinstance(error.extra, list) else [])
            if isinstance(item, dict)
        )
        first = fields[0] if fields else e.FieldError("", "the request is wrong")
        return e.InvalidInput(f"{first.pointer[1:]}: {first.detail}", errors=fields)
    if isinstance(error, MethodNotAllowedException):
        return e.MethodNotAllowed(f"{request.method} is not allowed on {path}")
    if isinstance(error, NotFoundException):
        return e.NotFound(f"nothing is at {path}")
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return e.TooLarge("the body is larger than this route takes")
    if isinstance(error, ClientException):
        return e.MalformedBody(error.detail)
    return e.InternalError()


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    logger.opt(exception=error).bind(method=request.method, path=request.scope["path"]).error(
        "a request failed"
    )
    return response(e.InternalError("the coordinator failed; its log says why"))


HANDLERS: ExceptionHandlersMap = {
    e.TenureError: _ours,
    HTTPException: _http,
    Exception: _unexpected,
}
