from __future__ import annotations

import msgspec
import pytest

from tenure.client.call import path, reads
from tenure.client.transport import Answer
from tenure.domain.errors import TenureError


def test_parts_and_values_are_escaped() -> None:
    assert path("jobs", "../a b?#/ü") == "/api/jobs/..%2Fa%20b%3F%23%2F%C3%BC"
    assert path("jobs", q="a&b=c", status=["x", "y"], limit=5, atomic=False, after=None) == (
        "/api/jobs?q=a%26b%3Dc&status=x&status=y&limit=5&atomic=false"
    )
    assert path("jobs", status=[]) == "/api/jobs"


class Thing(msgspec.Struct):
    n: int


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"n":"x"}', b"{}", b"\xff"])
def test_an_answer_of_another_shape_is_an_error(body: bytes) -> None:
    with pytest.raises(TenureError, match="version"):
        reads(Thing)(Answer(200, {}, body))


def test_fields_of_a_newer_coordinator_are_ignored() -> None:
    assert reads(Thing)(Answer(200, {}, b'{"n":1,"new":2}')) == Thing(1)
