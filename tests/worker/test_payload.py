from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from tenure.domain.errors import ConfigurationError
from tenure.worker.payload import InvalidPayload, PayloadType


class Order(BaseModel):
    item: str
    count: int = 1


@dataclass
class Point:
    x: int


def _decode(annotation: Any, text: bytes) -> Any:
    return PayloadType(annotation).decoder()(msgspec.Raw(text))


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (Any, b'{"a": [1, null]}', {"a": [1, None]}),
        (Any, b"123456789012345678901234567890", 123456789012345678901234567890),
        (dict, b'{"a": 1}', {"a": 1}),
        (dict[str, Any], b"{}", {}),
        (dict[str, int], b'{"a": 1}', {"a": 1}),
        (str, b'"text"', "text"),
        (int, b"7", 7),
        (list[int], b"[1, 2]", [1, 2]),
        (Order, b'{"item": "tea"}', Order(item="tea")),
        (Order | None, b"null", None),
        (Point, b'{"x": 3}', Point(3)),
    ],
)
def test_payloads_become_what_the_annotation_says(annotation: Any, text: bytes, value: Any) -> None:
    assert _decode(annotation, text) == value


@pytest.mark.parametrize(
    ("annotation", "text", "said"),
    [
        (dict, b"[1]", "dict|object"),
        (dict[str, int], b'{"a": "secret"}', "a: "),
        (str, b"7", "payload: "),
        (Order, b"{}", "item: Field required"),
        (Any, b'{"a"', "truncated"),
        (Any, b"[" * 100_000, "recursion"),
    ],
)
def test_a_payload_that_does_not_fit_says_where(annotation: Any, text: bytes, said: str) -> None:
    with pytest.raises(InvalidPayload, match=said) as caught:
        _decode(annotation, text)
    assert "secret" not in str(caught.value)


def test_many_faults_are_counted_not_listed() -> None:
    with pytest.raises(InvalidPayload, match="and 15 more"):
        _decode(list[int], msgspec.json.encode(["x"] * 20))


def test_the_schema_of_something_pydantic_cannot_describe_is_left_out() -> None:
    assert PayloadType(Any).schema() is None
    assert PayloadType(int).schema() == {"type": "integer"}


def test_an_annotation_nobody_can_validate_is_a_configuration_error() -> None:
    class Opaque: ...

    with pytest.raises(ConfigurationError, match="Opaque"):
        PayloadType(Opaque).schema()
