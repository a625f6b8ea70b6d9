"""Between bytes and models: reading bodies, writing answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
import pydantic
from litestar import Request
from litestar.types import Receive, Scope, Send

from tenure.api.gate import SAFE
from tenure.api.proxies import client_address
from tenure.api.security import allow, principal
from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import Permission, Principal
from tenure.domain.errors import InvalidInput, MalformedBody, NotAcceptableType, TooLarge
from tenure.wire.base import decode, decode_struct, encode, validate
from tenure.wire.jobs import ActionIn

Ask = Request[Any, Any, Any]
Model = TypeVar("Model", bound=pydantic.BaseModel)
Decoded = TypeVar("Decoded")
Acted = TypeVar("Acted")

JSON = "application/json"
_CONTENT = JSON.encode()
NDJSON = "application/x-ndjson"
MAX_WAIT_SECONDS = 60.0
MAX_MODEL_BYTES = 1024 * 1024
"""Of a body that is decoded as a whole; more would hold the loop too long."""


class Incoming(Request[Any, Any, Any]):
    """What the app makes of a request; routes know it as Ask."""

    @property
    def content_length(self) -> int | None:
        """Bytes of the body, as the caller says. Raises MalformedBody.

        As Litestar's, which builds a map of all headers for it, for every body anew.
        """
        text = header(self, b"content-length")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()):
            raise MalformedBody("Content-Length must be a number of bytes")
        return int(text)


class Answer:
    """A JSON answer, ready to be sent.

    An ASGI application of its own: half of what Litestar's Response takes goes into merging headers
    and cookies that no route here has.
    """

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, body: bytes, status: int, headers: dict[str, str] | None = None) -> None:
        self._body, self._status = body, status
        self._headers = [(b"content-type", _CONTENT), (b"content-length", b"%d" % len(body))]
        for name, value in (headers or {}).items():
            self._headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self._status, "headers": self._headers}
        await send(start)  # type: ignore[arg-type]  # its TypedDict admits no computed value
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


def header(request: Ask, name: bytes) -> str | None:
    """The first header of that name, which is in lower case.

    Looked up as it came: Litestar's `headers` are built anew at every look.
    """
    for key, value in request.scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return None


def content_type(request: Ask) -> str:
    """The media type of the body, without parameters, lower case."""
    return (header(request, b"content-type") or "").partition(";")[0].strip().lower()


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


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """A value as a JSON answer; bytes are JSON already."""
    return Answer(value if isinstance(value, bytes) else encode(value), status, headers)


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


def acting(permission: Permission, answered: type, status: int = 200) -> dict[str, Any]:
    """The `opt` of a route that does one thing to what it names, with a reason if one is given."""
    return allow(permission, body=ActionIn, optional=True, answers={status: answered})


async def act(
    request: Ask, verb: Callable[[str, Principal, str | None], Awaitable[Acted]], name: str
) -> Acted:
    """What such a route does: `verb` to `name`, for the caller and with the reason given."""
    action = await optional_body(request, ActionIn)
    return await verb(name, principal_of(request), action.reason)


def coordinator(request: Ask) -> Coordinator:
    """The coordinator this app serves."""
    found: Coordinator = request.app.state.coordinator
    return found


def prefer_wait(request: Ask) -> float:
    """Seconds of `Prefer: wait=N` (RFC 7240), 0 without it, at most MAX_WAIT_SECONDS."""
    for part in (header(request, b"prefer") or "").split(","):
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


def watching(request: Ask, left: Callable[[], None]) -> AbstractContextManager[Callable[[], bool]]:
    """Whether the caller has gone; `left` is called when it goes. The body must be read before."""
    return noticing(_disconnected(request), left)


@contextmanager
def noticing(
    event: Coroutine[Any, Any, None], then: Callable[[], None]
) -> Iterator[Callable[[], bool]]:
    """Whether `event` has returned; `then` is called when it does."""
    task = asyncio.ensure_future(event)
    armed = True

    def done(_: object) -> None:
        if armed:
            then()

    task.add_done_callback(done)
    try:
        yield task.done
    finally:
        armed = False
        task.cancel()


async def _disconnected(request: Ask) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
