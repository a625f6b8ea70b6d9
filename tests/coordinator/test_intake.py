"""From bytes to checked jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenure.coordinator.intake import (
    Intake,
    check_size,
    decode_many,
    decode_one,
    decode_values,
)
from tenure.domain.clock import SECOND
from tenure.domain.errors import InvalidInput, MalformedBody, TenureError, TooLarge, UnknownField
from tenure.domain.job import DEFAULT_OPTIONS, NewJob
from tenure.settings import Limits
from tests.builders import NOW

LIMITS = Limits()


def take(body: bytes, limits: Limits = LIMITS, pointer: str = "") -> NewJob:
    return Intake(limits, NOW, "ann").take(decode_one(body), pointer)


def pointers(error: TenureError) -> list[str]:
    return [item.pointer for item in error.errors]


def test_the_payload_stays_as_it_came() -> None:
    for raw in (b"1.10", b' { "a" : 1e400 } '.strip(), b'"\\u00e9"', b"-0.0"):
        job = take(b'{"type":"echo","payload":' + raw + b"}")
        assert job.payload == raw.decode()
    assert take(b'{"type":"echo"}').payload == "null"


def test_a_plain_job_has_the_default_rules() -> None:
    job = take(b'{"type":"echo"}')
    assert job.spec.options is DEFAULT_OPTIONS
    assert (job.owner_id, job.id, job.idempotency_key, job.digest) == ("ann", "", None, None)


def test_a_delay_counts_from_now() -> None:
    assert take(b'{"type":"echo","delay_seconds":2.5}').spec.options.run_at == (
        NOW + 5 * SECOND // 2
    )


@pytest.mark.parametrize(
    ("body", "attempts"),
    [({}, 4), ({"max_retries": 0}, 1), ({"maxAttempts": 7}, 7),
     ({"max_retries": 2, "max_attempts": 3}, 3)],
)  # fmt: skip
def test_attempts_are_retries_and_one(body: dict[str, Any], attempts: int) -> None:
    job = take(json.dumps({"type": "echo"} | body).encode())
    assert job.spec.options.max_attempts == attempts


def test_neighbours_that_are_alike_are_checked_once() -> None:
    intake = Intake(LIMITS, NOW, None)
    bodies = [b'{"type":"echo","payload":%d}' % n for n in range(3)]
    first, second, third = (intake.take(decode_one(body)) for body in bodies)
    assert first.spec is second.spec is third.spec
    other = intake.take(decode_one(b'{"type":"mail"}'))
    assert other.spec.type == "mail"


def test_a_key_comes_with_a_digest_of_all_else() -> None:
    one = take(b'{"type":"echo","payload":1,"idempotency_key":"k"}')
    same = take(b'{"idempotency_key":"k","payload":1,"type":"echo"}')
    other = take(b'{"type":"echo","payload":2,"idempotency_key":"k"}')
    assert (one.idempotency_key, one.digest) == ("k", same.digest)
    assert other.digest != one.digest


@pytest.mark.parametrize("pointer", ["", "/3"])
def test_errors_name_the_field_below_its_place(pointer: str) -> None:
    for body, field, kind in (
        (b'{"type":"echo","priorty":1}', "/priorty", UnknownField),
        (b'{"type":"echo","priority":101}', "/priority", InvalidInput),
        (b'{"type":"echo","idempotency_key":""}', "/idempotency_key", InvalidInput),
        (b'{"type":"echo","max_retries":' + b"9" * 5000 + b"}", "/max_retries", InvalidInput),
        (b'{"type":"echo","cron":"* * * * *"}', "/cron", InvalidInput),
        (b'{"type":"echo","payload":"' + b"x" * 300_000 + b'"}', "/payload", TooLarge),
    ):
        with pytest.raises(kind) as caught:
            take(body, pointer=pointer)
        assert pointers(caught.value) == [pointer + field]


def test_the_limit_of_a_payload_is_in_bytes() -> None:
    limits = Limits(payload=12)
    assert take('{"type":"echo","payload":"ééééé"}'.encode(), limits)
    with pytest.raises(TooLarge):
        take('{"type":"echo","payload":"éééééé"}'.encode(), limits)


def test_a_body_far_beyond_the_payload_is_refused_unread() -> None:
    check_size(b" " * 100_000, LIMITS)
    with pytest.raises(TooLarge) as caught:
        check_size(b" " * 2_000_000, LIMITS)
    assert pointers(caught.value) == ["/payload"]


def test_a_batch_is_an_array_or_lines() -> None:
    items = decode_many(b'[{"type":"a"},{"type":"b"}]', lines=False, limits=LIMITS)
    lines = decode_many(b'{"type":"a"}\r\n\n  \n{"type":"b"}', lines=True, limits=LIMITS)
    assert [decode_values(item) for item in items] == [{"type": "a"}, {"type": "b"}]
    assert lines == items
    with pytest.raises(TooLarge, match="at most 1 jobs"):
        decode_many(b"[{},{}]", lines=False, limits=Limits(batch_jobs=1))


def test_a_wrong_line_is_named() -> None:
    with pytest.raises(MalformedBody, match="line 2"):
        decode_many(b'{"type":"a"}\n{"type"\n', lines=True, limits=LIMITS)
    with pytest.raises(InvalidInput, match="line 3"):
        decode_many(b'{"type":"a"}\n\n7\n', lines=True, limits=LIMITS)
