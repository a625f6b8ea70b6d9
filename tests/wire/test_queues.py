from __future__ import annotations

import json
from typing import Any

import pytest

from tenure.domain.errors import InvalidInput
from tenure.wire import base, queues


def test_a_queue_without_pending_jobs_has_no_oldest() -> None:
    told = json.loads(base.encode(queues.Queue(name="default", counts={}, workers=0)))
    assert told["oldest_pending_seconds"] is None
    assert (told["version"], told["max_running"], told["rate"]) == (0, None, None)


def test_names_are_taken_in_camel_case_too() -> None:
    told = {"maxRunning": 3, "rate": {"count": 5, "perSeconds": 0.5}, "agingSeconds": 60}
    edit = base.validate(queues.QueueEdit, told)
    assert (edit.max_running, edit.aging_seconds) == (3, 60)
    assert edit.rate is not None
    assert (edit.rate.count, edit.rate.per_seconds) == (5, 0.5)


@pytest.mark.parametrize(
    ("told", "pointer", "words"),
    [
        ({"max_running": 0}, "/max_running", "pause"),
        ({"max_running": -1}, "/max_running", "1"),
        ({"max_running": 1_000_001}, "/max_running", "1000000"),
        ({"max_running": 2.5}, "/max_running", "integer"),
        ({"max_running": "2"}, "/max_running", "integer"),
        ({"max_running": False}, "/max_running", "integer"),
        ({"rate": {"count": 0}}, "/rate/count", "1"),
        ({"rate": {"count": 1, "per_seconds": 0.05}}, "/rate/per_seconds", "0.1"),
        ({"rate": {"count": 1, "per_seconds": 86_401}}, "/rate/per_seconds", "86400"),
        ({"rate": {"count": 1, "per_seconds": "1"}}, "/rate/per_seconds", "number"),
        ({"rate": {"number": 1}}, "/rate/count", "required"),
        ({"rate": 5}, "/rate", "object"),
        ({"aging_seconds": 0.5}, "/aging_seconds", "1"),
        ({"max_runing": 1}, "/max_runing", "max_running"),
    ],
)
def test_what_is_refused(told: dict[str, Any], pointer: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        base.validate(queues.QueueEdit, told)
    errors = {error.pointer: error.detail for error in caught.value.errors}
    camel = {name.replace("max_running", "maxRunning"): text for name, text in errors.items()}
    assert pointer in errors or pointer in camel or _camel(pointer) in errors
    assert any(words in text for text in errors.values())


def _camel(pointer: str) -> str:
    first, *others = pointer.split("_")
    return first + "".join(part.title() for part in others)
