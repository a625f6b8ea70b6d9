from __future__ import annotations

from typing import Any

import pytest

from tenure.domain import clock
from tenure.domain.errors import InvalidInput, UnknownField
from tenure.domain.job import OnLost
from tenure.domain.lifecycle import TERMINAL, JobState
from tenure.domain.retry import DEFAULT_RETRY_POLICY, RetryPolicy, Strategy
from tenure.wire import base
from tenure.wire.jobs import (
    FINAL,
    ActionIn,
    BatchItem,
    Job,
    JobEdit,
    JobIn,
    RetryPolicyIn,
    RetryPolicyOut,
)


def submitted(**fields: Any) -> JobIn:
    return base.validate(JobIn, {"type": "echo"} | fields)


def refused(**fields: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        submitted(**fields)
    return [error.pointer for error in caught.value.errors]


def test_a_type_is_enough() -> None:
    job = submitted()
    assert (job.type, job.queue, job.priority, job.tags) == ("echo", "default", 0, ())
    assert job.on_lost is OnLost.RETRY
    assert (job.max_attempts, job.max_retries, job.retry_policy) == (None, None, None)


def test_a_type_is_needed() -> None:
    with pytest.raises(InvalidInput) as caught:
        base.validate(JobIn, {})
    assert [(e.pointer, e.detail) for e in caught.value.errors] == [("/type", "is required")]


def test_all_fields_in_camel_case() -> None:
    job = submitted(
        maxRetries=2,
        retryPolicy={"initialDelaySeconds": 1},
        retryUntil="2026-01-01T00:00:00Z",
        timeoutSeconds=5,
        expiresAt="2026-01-02T00:00:00Z",
        onLost="fail",
        runAt="2026-01-01T00:00:00Z",
        idempotencyKey="k",
    )
    assert job.max_retries == 2
    assert job.expires_at == (job.run_at or 0) + clock.DAY
    assert job.on_lost is OnLost.FAIL


def test_the_payload_travels_beside_it_and_is_known_by_name() -> None:
    with pytest.raises(UnknownField) as caught:
        submitted(paylod={})
    assert caught.value.errors[0].detail == "unknown field, did you mean payload?"


@pytest.mark.parametrize(
    ("value", "priority"), [(-100, -100), (100, 100), ("High", 10), (" regular ", 0), ("HIGH", 10)]
)
def test_priorities(value: Any, priority: int) -> None:
    assert submitted(priority=value).priority == priority


@pytest.mark.parametrize("value", [-101, 101, 10**30, 1.0, True, "urgent", "5", None, []])
def test_no_priorities(value: Any) -> None:
    assert refused(priority=value) == ["/priority"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"tags": ["t"] * 33}, "/tags"),
        ({"tags": [""]}, "/tags/0"),
        ({"tags": ["ok", "x" * 101]}, "/tags/1"),
        ({"tags": ["\x00"]}, "/tags/0"),
        ({"tags": "t"}, "/tags"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"queue": "a b"}, "/queue"),
        ({"queue": None}, "/queue"),
        ({"idempotency_key": "x" * 256}, "/idempotency_key"),
        ({"idempotency_key": ""}, "/idempotency_key"),
        ({"max_attempts": 0}, "/max_attempts"),
        ({"max_attempts": 10_001}, "/max_attempts"),
        ({"max_attempts": True}, "/max_attempts"),
        ({"max_retries": -1}, "/max_retries"),
        ({"max_retries": 2.0}, "/max_retries"),
        ({"timeout_seconds": 0}, "/timeout_seconds"),
        ({"delay_seconds": -1}, "/delay_seconds"),
        ({"delay_seconds": "5"}, "/delay_seconds"),
        ({"on_lost": "shrug"}, "/on_lost"),
        ({"retry_policy": "sometimes"}, "/retry_policy/strategy"),
        ({"retry_policy": {"strategy": 5}}, "/retry_policy/strategy"),
        ({"retry_policy": {"multiplier": 0.5}}, "/retry_policy/multiplier"),
        ({"retry_policy": {"multiplier": True}}, "/retry_policy/multiplier"),
        ({"retry_policy": {"jitter": 1.1}}, "/retry_policy/jitter"),
        ({"retry_policy": {"jitter": "0.1"}}, "/retry_policy/jitter"),
        ({"retry_policy": {"maxDelaySeconds": -1}}, "/retry_policy/maxDelaySeconds"),
        ({"run_at": "2026-01-01T00:00:00Z", "delay_seconds": 1}, ""),
        ({"max_attempts": 2, "max_retries": 2}, ""),
    ],
)
def test_fields_out_of_bounds(fields: dict[str, Any], pointer: str) -> None:
    assert refused(**fields) == [pointer]


def test_attempts_may_be_given_twice_when_they_agree() -> None:
    job = submitted(max_attempts=3, max_retries=2)
    assert (job.max_attempts, job.max_retries) == (3, 2)


def test_a_policy_by_one_word() -> None:
    job = submitted(retry_policy="FixedBackoff")
    assert job.retry_policy is not None
    assert job.retry_policy.to_domain().strategy is Strategy.FIXED


def test_a_policy_says_what_the_domain_says() -> None:
    assert RetryPolicyIn().to_domain() == DEFAULT_RETRY_POLICY
    whole = {
        "strategy": "linear",
        "initial_delay_seconds": 1,
        "multiplier": 3,
        "max_delay_seconds": 9,
        "jitter": 0.5,
    }
    policy = base.validate(RetryPolicyIn, whole).to_domain()
    assert policy == RetryPolicy(Strategy.LINEAR, 1, 3, 9, 0.5)


def test_an_edit_tells_absent_from_null() -> None:
    edit = base.validate(JobEdit, {"priority": 5, "timeout_seconds": None})
    assert edit.model_fields_set == {"priority", "timeout_seconds"}


@pytest.mark.parametrize("version", [0, -1, 1.0, "1", True])
def test_no_versions(version: Any) -> None:
    with pytest.raises(InvalidInput):
        base.validate(JobEdit, {"version": version})


def test_an_action_may_have_a_reason() -> None:
    assert base.validate(ActionIn, {}).reason is None
    assert base.validate(ActionIn, {"reason": "by request"}).reason == "by request"
    with pytest.raises(InvalidInput):
        base.validate(ActionIn, {"reason": "x" * 1001})


def a_job(status: str) -> Job:
    return Job(
        id="0193474a-0000-7000-8000-000000000001",
        type="echo",
        queue="default",
        status=status,
        priority=0,
        attempt=0,
        max_attempts=4,
        tags=[],
        created_at=base.time_out(0),
        on_lost="retry",
        retry_policy=RetryPolicyOut(
            strategy="fixed",
            initial_delay_seconds=1,
            multiplier=1,
            max_delay_seconds=1,
            jitter=0,
        ),
        version=1,
    )


@pytest.mark.parametrize("state", list(JobState))
def test_finished_means_a_final_state(state: JobState) -> None:
    assert a_job(state).finished is (state in TERMINAL)


def test_final_states_are_the_terminal_ones() -> None:
    assert {str(state) for state in TERMINAL} == FINAL


def test_an_item_of_a_batch_says_only_what_there_is_to_say() -> None:
    created = BatchItem(outcome="created", id="a")
    assert base.encode(created) == b'{"outcome":"created","id":"a"}'
    refused_item = BatchItem(outcome="refused", error={"code": "invalid_input"})
    assert base.encode(refused_item) == b'{"outcome":"refused","error":{"code":"invalid_input"}}'
