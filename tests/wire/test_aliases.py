from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tenure.domain.errors import InvalidInput
from tenure.wire import aliases


def translated(fields: dict[str, Any], pointer: str = "") -> dict[str, Any]:
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
    aliases.translate(raw, pointer)
    return {name: msgspec.json.decode(value) for name, value in raw.items()}


def test_a_body_of_today_stays_as_it_is() -> None:
    body = {"type": "echo", "payload": {"cron": "* * * * *", "scheduled_at": 1}}
    assert translated(body) == body


@pytest.mark.parametrize("name", ["scheduled_at", "scheduledAt"])
def test_scheduled_at_is_run_at(name: str) -> None:
    at = "2026-01-01T00:00:00Z"
    assert translated({"type": "echo", name: at}) == {"type": "echo", "run_at": at}


@pytest.mark.parametrize("name", ["script_content", "scriptContent"])
def test_a_script_is_a_python_job(name: str) -> None:
    script = 'print("hello")\n'
    expected = {"type": "python", "payload": {"script_content": script}}
    assert translated({name: script}) == expected


def test_a_script_may_name_another_type() -> None:
    assert translated({"type": "shell", "script_content": "ls"})["type"] == "shell"


@pytest.mark.parametrize("name", ["cron", "cron_expr", "cronExpr", "schedule"])
def test_recurring_jobs_are_shown_the_way(name: str) -> None:
    with pytest.raises(InvalidInput, match="POST /api/schedules") as caught:
        translated({"type": "echo", name: "* * * * *"}, "/3")
    assert caught.value.errors[0].pointer == f"/3/{name}"


@pytest.mark.parametrize(("old", "new"), [("scheduled_at", "run_at"), ("scriptContent", "payload")])
def test_the_old_name_and_the_new_one_are_one_too_many(old: str, new: str) -> None:
    with pytest.raises(InvalidInput, match="not both") as caught:
        translated({"type": "echo", old: "x", new: "y"})
    assert caught.value.errors[0].pointer == f"/{old}"
