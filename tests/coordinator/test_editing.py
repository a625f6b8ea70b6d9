"""From a checked edit to changes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tenure.coordinator.editing import to_edit
from tenure.domain.clock import SECOND
from tenure.domain.errors import InvalidInput
from tenure.domain.job import OnLost
from tenure.domain.retry import DEFAULT_RETRY_POLICY, RetryPolicy, Strategy
from tenure.wire.base import validate
from tenure.wire.jobs import JobEdit
from tests.builders import NOW


def changes(body: dict[str, Any]) -> dict[str, Any]:
    return dict(to_edit(validate(JobEdit, body), None, None, NOW).changes)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {}),
        ({"version": 3}, {}),
        ({"name": "n", "priority": "High"}, {"name": "n", "priority": 10}),
        ({"name": None, "queue": None}, {"name": None, "queue": "default"}),
        ({"type": "t", "tags": ["a"]}, {"type": "t", "tags": ("a",)}),
        ({"maxRetries": 2}, {"max_attempts": 3}),
        ({"max_attempts": 5}, {"max_attempts": 5}),
        ({"max_attempts": None}, {"max_attempts": 4}),
        ({"delaySeconds": 1.5}, {"run_at": NOW + 3 * SECOND // 2}),
        ({"run_at": "2026-11-21T12:00:00Z"}, {"run_at": NOW}),
        ({"run_at": None}, {"run_at": None}),
        ({"retry_policy": "fixed"}, {"retry_policy": RetryPolicy(Strategy.FIXED)}),
        ({"retry_policy": None}, {"retry_policy": DEFAULT_RETRY_POLICY}),
        ({"timeout_seconds": None}, {"timeout_seconds": None}),
        ({"expires_at": None}, {"expires_at": None}),
        ({"on_lost": "fail"}, {"on_lost": OnLost.FAIL}),
    ],
)  # fmt: skip
def test_only_given_fields_change_and_null_is_the_default(
    body: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert changes(body) == expected


def test_a_job_keeps_a_type() -> None:
    with pytest.raises(InvalidInput, match=r"^type:"):
        changes({"type": None})


def test_payload_and_version_travel_along() -> None:
    edit = to_edit(validate(JobEdit, {"version": 7}), msgspec.Raw(b'{"a":1.10}'), None, NOW)
    assert (edit.payload, edit.version, edit.if_match) == ('{"a":1.10}', 7, None)


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        (None, None),
        ("*", None),
        (" * ", None),
        ('"3"', {3}),
        ("3", {3}),
        ('"3", "4"', {3, 4}),
        ('W/"3"', set()),
        ('"else"', set()),
        ('"9999999999999999999999"', set()),
    ],
)
def test_if_match_names_versions(header: str | None, versions: set[int] | None) -> None:
    assert to_edit(JobEdit(), None, header, NOW).if_match == versions


@pytest.mark.parametrize("header", ["", "abc", '"3', '"3";', "W/3"])
def test_a_malformed_if_match_is_refused(header: str) -> None:
    with pytest.raises(InvalidInput, match=r"^If-Match:"):
        to_edit(JobEdit(), None, header, NOW)
