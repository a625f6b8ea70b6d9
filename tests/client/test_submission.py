from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import pydantic
import pytest

from tenure.client.submission import encode_edit, encode_job, encode_value
from tenure.domain.errors import InvalidInput
from tenure.domain.retry import RetryPolicy, Strategy
from tenure.wire.base import validate
from tenure.wire.jobs import JobIn


def told(payload: Any = None, **fields: Any) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(encode_job("echo", payload, fields).body)
    return sent


def test_a_job_brings_a_key_or_gets_one() -> None:
    own = encode_job("echo", None, {"idempotency_key": "mine"})
    assert own.keyed
    assert own.with_key() == own.body
    none = encode_job("echo", {"a": "}"}, {})
    assert not none.keyed
    keyed = [json.loads(none.with_key()) for _ in range(100)]
    assert len({job.pop("idempotency_key") for job in keyed}) == 100
    assert all(job == json.loads(none.body) for job in keyed)


def test_what_is_not_given_is_left_out() -> None:
    assert told(queue=None, tags=None).keys() == {"type", "payload"}


def test_the_coordinator_takes_every_field_as_sent() -> None:
    sent = told(
        name="n",
        queue="q",
        priority="High",
        tags=("a", "b"),
        max_retries=2,
        retry_policy=RetryPolicy(Strategy.FIXED, 1.0),
        retry_until=datetime(2026, 1, 31, tzinfo=UTC),
        timeout=timedelta(minutes=1.5),
        expires_at=datetime(2026, 1, 31, 8, 30, tzinfo=timezone(timedelta(hours=1))),
        on_lost="fail",
        delay=timedelta(days=1),
    )
    sent.pop("payload")
    job = validate(JobIn, sent)
    assert (job.priority, job.tags, job.timeout_seconds, job.delay_seconds) == (
        10,
        ("a", "b"),
        90.0,
        86_400.0,
    )
    assert job.retry_policy is not None
    assert job.retry_policy.to_domain() == RetryPolicy(Strategy.FIXED, 1.0)
    assert sent["expires_at"] == "2026-01-31T08:30:00+01:00"


def test_numbers_for_times_are_seconds() -> None:
    assert (
        told(timeout=5, delay=0.5).items() >= {"timeout_seconds": 5, "delay_seconds": 0.5}.items()
    )


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="run_at"):
        told(run_at=datetime(2026, 1, 31))


class Colour(StrEnum):
    RED = "red"


@dataclass
class Point:
    x: int
    at: datetime


class Size(msgspec.Struct):
    width: int


class Box(pydantic.BaseModel):
    side: int
    at: datetime


AT = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ({"a": [1, 1.5, True, "ü"]}, '{"a":[1,1.5,true,"ü"]}'),
        (10**40, str(10**40)),
        (Point(1, AT), '{"x":1,"at":"2026-01-31T08:30:00Z"}'),
        (Size(2), '{"width":2}'),
        (Box(side=3, at=AT), '{"side":3,"at":"2026-01-31T08:30:00Z"}'),
        ([Colour.RED, UUID(int=1)], '["red","00000000-0000-0000-0000-000000000001"]'),
        (msgspec.Raw(b'{"a": 1.10}'), '{"a": 1.10}'),
    ],
)
def test_payloads(value: Any, text: str) -> None:
    assert encode_value(value, "payload").decode() == text


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), object(), {"a": object()}, "\ud800", {("a",): 1}]
)
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="payload"):
        encode_value(value, "payload")


def test_what_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidInput, match="payload"):
        encode_value(endless, "payload")


def test_a_field_that_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidInput):
        told(name=object())


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"priority": 5}, {"priority": 5}),
        ({"timeout": None, "version": 3}, {"timeout_seconds": None, "version": 3}),
        ({"payload": None}, {"payload": None}),
        ({"delay": timedelta(seconds=2), "tags": []}, {"delay_seconds": 2.0, "tags": []}),
    ],
)
def test_an_edit_says_exactly_what_is_given(
    fields: Mapping[str, Any], text: dict[str, Any]
) -> None:
    assert json.loads(encode_edit(fields)) == text
