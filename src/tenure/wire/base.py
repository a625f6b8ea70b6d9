"""The bottom of the HTTP contract: field types, and one way from bytes to a checked model.

Input models take snake_case and camelCase, refuse unknown fields with the nearest known name, and
say every error as a JSON pointer. Output models are msgspec Structs, encoded as they stand.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar, cast

import msgspec
import pydantic
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from tenure.domain import clock
from tenure.domain.errors import (
    FieldError,
    InvalidInput,
    MalformedBody,
    TooDeep,
    UnknownField,
)
from tenure.domain.spelling import nearest
from tenure.wire import text as wire_text

_MOST_FIELDS = 200


class Input(pydantic.BaseModel):
    """Base of everything a caller sends to a public route.

    `travelling` names fields of the body that are taken out before, for the sake of their bytes.
    """

    travelling: ClassVar[tuple[str, ...]] = ()

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,  # clients import these models and build none
    )

    @model_validator(mode="before")
    @classmethod
    def _few(cls, value: Any) -> Any:
        """Hundreds of thousands of unknown fields would be hundreds of thousands of errors."""
        if isinstance(value, dict) and len(value) > _MOST_FIELDS:
            raise ValueError(f"has {len(value)} fields, and nothing has so many")
        return value


class Output(msgspec.Struct, kw_only=True):
    """Base of everything the coordinator answers. Snake_case, nulls written out."""


Item = TypeVar("Item")


class Page(Output, Generic[Item], kw_only=True):
    """One page of a list. `next` is the value for `after`; a page may be short while it is set."""

    items: list[Item]
    next: str | None = None
    approx_total: int | None = None


def _storable(value: str) -> str:
    if wire_text.unstorable(value):
        raise ValueError("must not hold NUL or lone surrogates")
    return value


_NO_TIME = "must be an RFC 3339 time, like 2026-01-31T08:30:00Z"


def _instant(value: Any) -> int:
    if isinstance(value, datetime):
        at = value
    elif isinstance(value, str):
        try:
            at = datetime.fromisoformat(value.upper())
        except ValueError:
            raise ValueError(_NO_TIME) from None
    else:
        raise ValueError(_NO_TIME)  # noqa: TRY004 - pydantic catches only ValueError
    try:
        instant = clock.from_datetime(at)
    except ValueError:
        raise ValueError("needs a time zone, like Z or +01:00") from None
    if not clock.MIN_INSTANT <= instant <= clock.MAX_INSTANT:
        raise ValueError("must lie between year 1 and year 9999, in UTC")
    return instant


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic catches only ValueError
    return value


MAX_SECONDS = 100 * 366 * 86_400.0

Text = Annotated[str, AfterValidator(_storable)]
"""Text that both stores can hold."""
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.:/@+\-]+$")]
"""A type or queue name: letters, digits and _ . : / @ + -"""
Instant = Annotated[
    int, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""RFC 3339 on the wire, microseconds since 1970 behind it."""
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Seconds = Annotated[Number, Field(ge=0, le=MAX_SECONDS)]
Id = Annotated[
    str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
Reason = Annotated[Text, Field(max_length=1_000)]

Time = datetime
"""An instant in an answer."""


def time_out(instant: int) -> Time:
    """An instant for an answer: RFC 3339 text with six decimals and `Z`.

    Typed as the datetime that a client decodes it to; msgspec's own form drops zero decimals.
    """
    return cast(Time, clock.rfc3339(instant))


def maybe_time_out(instant: int | None) -> Time | None:
    """`time_out`, or None for None."""
    return None if instant is None else time_out(instant)


Model = TypeVar("Model", bound=pydantic.BaseModel)


def validate(model: type[Model], value: Any, pointer: str = "") -> Model:
    """A model from decoded JSON. Raises InvalidInput or UnknownField with every wrong field,
    each pointer prefixed by `pointer` (the item's place in a batch, for instance `/3`)."""
    try:
        return model.model_validate(value)
    except pydantic.ValidationError as error:
        raise _invalid(model, error, pointer) from None


def _invalid(
    model: type[pydantic.BaseModel], error: pydantic.ValidationError, prefix: str
) -> InvalidInput:
    found: list[FieldError] = []
    unknown = False
    for item in error.errors(include_url=False, include_context=False)[:20]:
        pointer = prefix + "".join(f"/{wire_text.escape(str(part))}" for part in item["loc"])
        detail = _PLAIN.get(item["type"]) or item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            detail = _unexpected(str(item["loc"][-1]), _names(model, item["loc"][:-1]))
            unknown = unknown or detail != _TWICE
        found.append(FieldError(pointer, detail))
    first = found[0]
    cls = UnknownField if unknown else InvalidInput
    return cls(f"{first.pointer[1:] or 'body'}: {first.detail}", errors=tuple(found))


_PLAIN = {
    "missing": "is required",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be an array",
    "string_type": "must be text",
    "int_type": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
}
"""pydantic's messages that speak of Python, in words of JSON."""
_TWICE = "given twice, in snake_case and in camelCase"


def _unexpected(name: str, known: list[str]) -> str:
    twice = name in known or name in map(to_camel, known)
    return _TWICE if twice else "unknown field" + nearest(name, known)


def _names(model: type[pydantic.BaseModel], path: tuple[Any, ...]) -> list[str]:
    for part in path:
        for field_name, field in model.model_fields.items():
            if part in (field_name, field.alias):
                inner = [
                    arg
                    for arg in (field.annotation, *getattr(field.annotation, "__args__", ()))
                    if isinstance(arg, type) and issubclass(arg, pydantic.BaseModel)
                ]
                if inner:
                    model = inner[0]
                break
    travelling = getattr(model, "travelling", ())
    return [*model.model_fields, *travelling]


def decode(body: bytes) -> Any:
    """Any JSON. Raises MalformedBody, TooDeep or InvalidInput (NUL, lone surrogates)."""
    wire_text.check_body(body)
    try:
        return json.loads(body.decode(), parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise TooDeep("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise MalformedBody(f"the body is not JSON: {error}") from None
    except ValueError as error:
        raise MalformedBody(f"the body holds a number out of range: {error}") from None


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(digits[:40])
    return number


Decoded = TypeVar("Decoded")


def decode_as(decoder: msgspec.json.Decoder[Decoded], body: bytes) -> Decoded:
    """JSON by a typed decoder, after `check_body`. Raises as `decode`, and InvalidInput."""
    wire_text.check_body(body)
    try:
        return decoder.decode(body)
    except RecursionError:
        raise TooDeep("the body is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise _struct_error(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"the body is not JSON: {error}") from None


def _struct_error(message: str) -> InvalidInput:
    detail, _, path = message.partition(" - at `$")
    pointer = path.rstrip("`").replace("[", "/").replace("]", "").replace(".", "/")
    return InvalidInput.field(pointer, detail[:1].lower() + detail[1:])


def decode_struct(decoder: msgspec.json.Decoder[Decoded], body: bytes) -> Decoded:
    """A worker's message: the typed decoder first, and camelCase or a good error on its refusal.

    Text that cannot be stored is cleaned, not refused: a failure report must always get through.
    The first pass is the hot path; only a body it refuses is decoded a second time.
    """
    body = wire_text.clean_body(body)
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            return decoder.decode(_snake(msgspec.Raw(body), decoder.type, ""))
    except RecursionError:
        raise TooDeep("the body is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise _struct_error(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"the body is not JSON: {error}") from None


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _snake(raw: msgspec.Raw, kind: Any, pointer: str) -> msgspec.Raw:
    """Rename camelCase keys of the Structs inside `kind`; all other bytes stay as they came."""
    arguments: tuple[Any, ...] = getattr(kind, "__args__", ())
    first = bytes(raw).lstrip()[:1]
    if first == b"[" and getattr(kind, "__origin__", None) is list:
        items = [
            _snake(item, arguments[0], f"{pointer}/{index}")
            for index, item in enumerate(_LIST.decode(raw))
        ]
        return msgspec.Raw(msgspec.json.encode(items))
    for candidate in (kind, *arguments):
        if first == b"{" and isinstance(candidate, type) and issubclass(candidate, msgspec.Struct):
            return _snake_fields(_OBJECT.decode(raw), candidate, pointer)
    return raw


def _snake_fields(
    given: dict[str, msgspec.Raw], kind: type[msgspec.Struct], pointer: str
) -> msgspec.Raw:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    names = {to_camel(name): name for name in fields} | {name: name for name in fields}
    renamed: dict[str, msgspec.Raw] = {}
    for key, item in given.items():
        name = names.get(key)
        if name is None or name in renamed:
            where = f"{pointer}/{wire_text.escape(key)}"
            detail = _unexpected(key, list(fields))
            cls = UnknownField if name is None else InvalidInput
            raise cls(f"{where[1:]}: {detail}", errors=(FieldError(where, detail),))
        renamed[name] = _snake(item, fields[name].type, f"{pointer}/{name}")
    return msgspec.Raw(msgspec.json.encode(renamed))


def encode(value: Any) -> bytes:
    """An answer as JSON bytes."""
    return msgspec.json.encode(value)
