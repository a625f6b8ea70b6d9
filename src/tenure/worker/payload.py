"""From a lease's payload bytes to the value a handler asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pydantic
from pydantic import TypeAdapter

from tenure.domain.errors import ConfigurationError

Decode = Callable[[Any], Any]
"""Takes JSON as bytes or msgspec.Raw. Raises InvalidPayload."""

_MAX_ERRORS = 5
_ANY = msgspec.json.Decoder(Any)
_DICT = msgspec.json.Decoder(dict[str, Any])


class InvalidPayload(Exception):  # noqa: N818 - the name is what users read in a job's error
    """The payload does not fit the handler's annotation: no retry can help."""


class PayloadType:
    """The annotation of a handler's payload. The validator is built when first needed.

    Raises ConfigurationError from `decoder` and `schema` when pydantic cannot use the annotation.
    """

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        self._adapter: TypeAdapter[Any] | None = None

    def decoder(self) -> Decode:
        """What turns the bytes of one payload into the handler's argument."""
        if self.annotation is Any or self.annotation is object:
            return _plain(_ANY)
        if self.annotation in (dict, dict[str, Any]):
            return _plain(_DICT)
        return _validating(self._built())

    def schema(self) -> dict[str, Any] | None:
        """The JSON Schema of the payload; None when anything is taken."""
        if self.annotation is Any or self.annotation is object:
            return None
        try:
            return self._built().json_schema()
        except pydantic.errors.PydanticInvalidForJsonSchema:
            return None  # it validates, though JSON Schema cannot say how

    def _built(self) -> TypeAdapter[Any]:
        if self._adapter is None:
            try:
                self._adapter = TypeAdapter(self.annotation)
            except pydantic.PydanticUserError as error:
                raise ConfigurationError(f"cannot validate {self.annotation!r}: {error}") from None
        return self._adapter


def _plain(decoder: msgspec.json.Decoder[Any]) -> Decode:
    decode_ = decoder.decode

    def decode(raw: Any) -> Any:
        try:
            return decode_(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidPayload(str(error)) from None

    return decode


def _validating(adapter: TypeAdapter[Any]) -> Decode:
    validate = adapter.validate_json

    def decode(raw: Any) -> Any:
        try:
            return validate(bytes(raw))
        except pydantic.ValidationError as error:
            raise InvalidPayload(_said(error)) from None

    return decode


def _said(error: pydantic.ValidationError) -> str:
    """Every wrong field, without the values: they may be secrets."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [
        f"{'.'.join(str(part) for part in item['loc']) or 'payload'}: {item['msg']}"
        for item in found[:_MAX_ERRORS]
    ]
    if len(found) > _MAX_ERRORS:
        lines.append(f"and {len(found) - _MAX_ERRORS} more")
    return "; ".join(lines)
