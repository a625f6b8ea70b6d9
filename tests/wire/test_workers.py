from __future__ import annotations

from typing import Any

import pytest

from tenure.domain.errors import InvalidInput
from tenure.wire import base
from tenure.wire.workers import PROTOCOL, RegisterIn


def test_a_name_is_enough() -> None:
    worker = base.validate(RegisterIn, {"name": "w"})
    assert (worker.queues, worker.types, worker.slots) == (("default",), (), 10)
    assert worker.protocol == PROTOCOL
    assert worker.labels == {}


def test_types_carry_a_schema() -> None:
    schema = {"type": "object", "properties": {"maxSize": {}}}
    types = [{"name": "a", "schema": schema}, {"name": "b"}]
    worker = base.validate(RegisterIn, {"name": "w", "types": types})
    assert [(t.name, t.schema_) for t in worker.types] == [("a", schema), ("b", None)]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\x00"}, "/name"),
        ({"hostname": "x" * 256}, "/hostname"),
        ({"pid": 2**31}, "/pid"),
        ({"pid": -1}, "/pid"),
        ({"pid": "1"}, "/pid"),
        ({"protocol": 0}, "/protocol"),
        ({"queues": []}, "/queues"),
        ({"queues": ["a b"]}, "/queues/0"),
        ({"queues": ["q"] * 101}, "/queues"),
        ({"types": [{"name": "t"}] * 1001}, "/types"),
        ({"types": ["t"]}, "/types/0"),
        ({"types": [{"name": "t", "schema": "x"}]}, "/types/0/schema"),
        ({"slots": 10_001}, "/slots"),
        ({"slots": True}, "/slots"),
        ({"labels": {"zone": 1}}, "/labels/zone"),
        ({"labels": {"zone": "x" * 201}}, "/labels/zone"),
        ({"labels": {str(n): "" for n in range(33)}}, "/labels"),
    ],
)
def test_registrations_out_of_bounds(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        base.validate(RegisterIn, {"name": "w"} | fields)
    assert caught.value.errors[0].pointer == pointer
