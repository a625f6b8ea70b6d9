from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from tenure.domain.errors import InvalidInput, UnknownField
from tenure.domain.run import REPORTABLE
from tenure.wire import base, leases

JOB = "0193474a-0000-7000-8000-000000000001"


def read(kind: type[Any], body: dict[str, Any]) -> Any:
    return base.decode_struct(msgspec.json.Decoder(kind), msgspec.json.encode(body))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (leases.Acquire, {"worker_id": "w", "queues": ["q"], "types": ["t"], "slots": 1}),
        (leases.Heartbeat, {"leases": [{"job_id": JOB, "fence": 1}]}),
        (leases.CompleteOne, {"worker_id": "w", "fence": 1, "success": True}),
        (leases.CompleteMany, {"worker_id": "w", "reports": [{"job_id": JOB, "fence": 1}]}),
        (leases.Release, {"worker_id": "w", "leases": [{"job_id": JOB, "fence": 1}]}),
        (leases.Logs, {"worker_id": "w", "fence": 1, "lines": [{"at": "now", "text": "hello"}]}),
    ],
)
def test_messages_in_both_spellings_and_nothing_else(kind: type[Any], body: dict[str, Any]) -> None:
    camel = {re.sub("_([a-z])", lambda m: m[1].upper(), k): v for k, v in body.items()}
    assert read(kind, body) == read(kind, camel)
    assert msgspec.json.decode(msgspec.json.encode(read(kind, body))) == body
    with pytest.raises(UnknownField):
        read(kind, body | {"colour": 1})


@pytest.mark.parametrize(
    ("kind", "body", "pointer"),
    [
        (leases.LeaseId, {"job_id": JOB, "fence": 2**63}, "/fence"),
        (leases.LeaseId, {"job_id": JOB, "fence": -1}, "/fence"),
        (leases.LeaseId, {"job_id": JOB, "fence": 1.5}, "/fence"),
        (leases.LeaseId, {"job_id": JOB, "fence": True}, "/fence"),
        (leases.LeaseId, {"job_id": None, "fence": 1}, "/job_id"),
        (leases.Heartbeat, {"leases": [], "slots_free": 10_001}, "/slots_free"),
        (leases.Heartbeat, {"leases": [{"job_id": JOB}]}, "/leases/0"),
        (
            leases.Acquire,
            {"worker_id": "w", "queues": ["q"] * 101, "types": [], "slots": 1},
            "/queues",
        ),
        (
            leases.Acquire,
            {"worker_id": "w", "queues": [], "types": ["t"] * 1001, "slots": 1},
            "/types",
        ),
        (leases.Acquire, {"worker_id": "w", "queues": [], "types": [], "slots": -1}, "/slots"),
        (leases.CompleteOne, {"worker_id": "w", "fence": 1, "outcome": "lost"}, "/outcome"),
        (leases.Logs, {"worker_id": "w", "fence": 1, "from": 2**63, "lines": []}, "/from"),
    ],
)
def test_messages_out_of_bounds(kind: type[Any], body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(kind, body)
    assert [error.pointer for error in caught.value.errors] == [pointer]


def test_a_value_not_given_is_told_from_null() -> None:
    body = {"worker_id": "w", "fence": 1}
    assert read(leases.CompleteOne, body).result is leases.ABSENT
    assert bytes(read(leases.CompleteOne, body | {"result": None}).result) == b"null"
    assert bytes(leases.NULL) == b"null"


def test_what_is_not_given_is_not_sent() -> None:
    held = leases.HeldLease(job_id=JOB, fence=3)
    assert msgspec.json.decode(msgspec.json.encode(held)) == {"job_id": JOB, "fence": 3}


@pytest.mark.parametrize("outcome", list(REPORTABLE))
def test_every_reportable_outcome_may_be_reported(outcome: str) -> None:
    body = {"worker_id": "w", "fence": 1, "outcome": outcome}
    assert read(leases.CompleteOne, body).outcome == outcome


def test_a_worker_of_an_earlier_version_ignores_new_fields_of_an_answer() -> None:
    answer = b'{"leases":[],"cancel":[],"drain":true,"waited_seconds":1.5,"news":{}}'
    found = msgspec.json.decode(answer, type=leases.Acquired)
    assert found == leases.Acquired(leases=[], drain=True, waited_seconds=1.5)


def test_a_payload_reaches_the_worker_byte_for_byte() -> None:
    payload = b'{"big":123456789012345678901234567890, "price":1.10}'
    lease = leases.Lease(
        job_id=JOB,
        fence=1,
        attempt=1,
        max_attempts=4,
        type="echo",
        queue="default",
        payload=msgspec.Raw(payload),
        lease_seconds=30,
    )
    found = msgspec.json.decode(msgspec.json.encode(lease), type=leases.Lease)
    assert bytes(found.payload) == payload
    assert found.checkpoint is leases.ABSENT


@pytest.mark.parametrize("field", ["workerId", "worker_id"])
def test_a_result_reaches_the_coordinator_byte_for_byte(field: str) -> None:
    result = b'{ "jobId":1.10, "n":[123456789012345678901234567890] }'
    body = b'{"' + field.encode() + b'":"w","fence":1,"success":true,"result":' + result + b"}"
    found = base.decode_struct(msgspec.json.Decoder(leases.CompleteOne), body)
    assert isinstance(found.result, msgspec.Raw)
    assert bytes(found.result) == result
