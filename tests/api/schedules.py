"""Making and asking for schedules over HTTP."""

from __future__ import annotations

from typing import Any

from tests.api.calls import Api, fresh_queue

YEARLY = "0 0 1 1 *"
NOBODY = "0193474a-0000-7000-8000-0000000000ff"


async def create(api: Api, **fields: Any) -> dict[str, Any]:
    """A schedule of `echo` that is not due while the tests run, unless told otherwise."""
    job = {"type": "echo", "queue": fresh_queue(), "payload": {"n": 1}}
    asked = {"job": job} | fields
    if "every_seconds" not in asked:
        asked.setdefault("cron", YEARLY)
    answer = await api.client.post("/api/schedules", json=asked)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/schedules/{found['id']}"
    return found


async def get(api: Api, path: str, **query: Any) -> Any:
    answer = await api.client.get(f"/api/schedules/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def act(api: Api, schedule_id: str, action: str, **body: Any) -> Any:
    answer = await api.client.post(f"/api/schedules/{schedule_id}/{action}", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()
