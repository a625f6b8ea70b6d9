"""Between bytes and models: reading bodies, writing answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
import pydantic
from litestar import Request, Response

from tenure.api.gate import SAFE
from tenure.api.proxies import client_address
from tenure.api.security import principal
from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import Principal
from tenure.domain.errors import InvalidInput, NotAcceptableType, TooLarge
from tenure.wire.base import decode, decode_struct, encode, validate

Ask = Request[Any, Any, Any]
Model = TypeVar("Model", bound=pydantic.BaseModel)
Decoded = TypeVar("Decoded")

JSON = "application/json"
NDJSON = "application/x-ndjson"
MAX_WAIT_SECONDS = 60.0
MAX_MODEL_BYTES = 1024 * 1024
"""Of a body that is decoded as a whole; more would hold the loop too long."""


def content_type(request: Ask) -> str:
    """The media type of the body, without parameters, lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def json_body(request: Ask, *others: str) -> bytes:
    """The raw body. Raises NotAcceptableType unless it says it is JSON (or one of `others`)."""
    kind = content_type(request)
    if kind != JSON and kind not in others:
        raise NotAcceptableType(f"send Content-Type: {' or '.join((JSON, *others))}")
    return await request.body()


async def model_body(request: Ask, model: type[Model]) -> Model:
    """The body as a public model."""
    body = await json_body(request)
    if len(body) > MAX_MODEL_BYTES:
        raise TooLarge(f"at most {MAX_MODEL_BYTES} bytes, this one has {len(body)}")
    return validate(model, decode(body))


async def optional_body(request: Ask, model: type[Model]) -> Model:
    """The body as a public model; an absent body is an empty object."""
    body = await request.body()
    if not body.strip():
        return validate(model, {})
    return await model_body(request, model)


async def struct_body(request: Ask, decoder: msgspec.json.Decoder[Decoded]) -> Decoded:
    """The body as a worker's message."""
    return decode_struct(decoder, await json_body(request))


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    """A value as a JSON answer; bytes are JSON already."""
    content = value if isinstance(value, bytes) else encode(value)
    return Response(content, status_code=status, media_type=JSON, headers=headers)


def rest_of_path(request: Ask, prefix: str) -> str:
    """What follows `prefix`, decoded: a name that may hold slashes, exactly as it was given. The
    path parameter of such a route has lost some of them."""
    raw = bytes(request.scope["raw_path"]).decode("ascii", "replace")
    return unquote(raw[len(prefix) :])


def principal_of(request: Ask) -> Principal:
    """Who asks, and for what may leave a line in the audit also from where."""
    found = principal(request)
    if request.method in SAFE:
        return found
    return replace(found, address=client_address(request.scope))


def coordinator(request: Ask) -> Coordinator:
    """The coordinator this app serves."""
    found: Coordinator = request.app.state.coordinator
    return found


def prefer_wait(request: Ask) -> float:
    """Seconds of `Prefer: wait=N` (RFC 7240), 0 without it, at most MAX_WAIT_SECONDS."""
    for part in request.headers.get("prefer", "").split(","):
        name, _, value = part.strip().partition("=")
        if name.strip().lower() == "wait":
            try:
                seconds = float(value)
            except ValueError:
                raise InvalidInput.field("Prefer", "wait must be a number of seconds") from None
            return bounded_wait(seconds, "Prefer")
    return 0.0


def bounded_wait(seconds: float, field: str) -> float:
    """A wait a caller asked for. Raises InvalidInput unless it is a number from 0."""
    if not seconds >= 0:
        raise InvalidInput.field(field, "must be 0 or more seconds")
    return min(seconds, MAX_WAIT_SECONDS)


@contextmanager
def watching(request: Ask, left: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Whether the caller has gone; `left` is called when it goes. The body must be read before."""
    task = asyncio.ensure_future(_disconnected(request))
    armed = True

    def done(_: object) -> None:
        if armed:
            left()

    task.add_done_callback(done)
    try:
        yield task.done
    finally:
        armed = False
        task.cancel()


async def _disconnected(request: Ask) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
