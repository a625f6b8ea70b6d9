from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tenure.client.leasing import AsyncLeasing, Introduction, Leasing, Session
from tenure.client.transport import AsyncTransport, Transport
from tenure.domain.errors import TenureError, WorkerUnknown
from tenure.wire.leases import HeldLease, LogLineIn, ProgressIn, ReleaseItem, ReportItem, Wanted
from tests.client.scripted import Reply, Scripted, scripted

pytestmark = pytest.mark.anyio

SESSION = Session("w1", "session-secret", 30.0, 10.0, 30.0)
REGISTERED = {
    "worker_id": "w1", "session_token": "session-secret",
    "lease_seconds": 30.0, "heartbeat_seconds": 10.0, "poll_seconds": 30.0,
}  # fmt: skip
LEASE = {
    "job_id": "j1", "fence": 3, "attempt": 1, "max_attempts": 4, "type": "echo",
    "queue": "default", "payload": {"n": 1.10}, "lease_seconds": 30.0, "something_new": 1,
}  # fmt: skip


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


def _calls(script: Scripted, token: str | None = None) -> AsyncLeasing:
    return AsyncLeasing(AsyncTransport(script.url, token=token))


def _asked(script: Scripted) -> tuple[str, str, str | None, Any]:
    asked = script.asked[-1]
    body = json.loads(asked.body) if asked.body else None
    return asked.method, asked.path, asked.headers.get("Authorization"), body


async def test_registering_uses_the_workers_token_and_gives_a_session() -> None:
    introduction = Introduction(
        "n", "h", 7, "0.1", ("a", "b"), {"echo": None, "sum": {"type": "array"}}, 5, {"zone": "x"}
    )
    with scripted(_json(REGISTERED, 201)) as script:
        leasing = _calls(script, token="worker-secret")
        assert await leasing.register(introduction) == SESSION
        await leasing.aclose()
        method, path, authorization, body = _asked(script)
    assert (method, path, authorization) == (
        "POST", "/api/workers/register", "Bearer worker-secret",
    )  # fmt: skip
    assert body["types"] == [{"name": "echo"}, {"name": "sum", "schema": {"type": "array"}}]
    assert (body["queues"], body["slots"], body["labels"]) == (["a", "b"], 5, {"zone": "x"})


async def test_an_acquire_brings_leases_with_their_payloads_as_they_are() -> None:
    with scripted(_json({"leases": [LEASE], "waited_seconds": 0.5, "new": 1})) as script:
        leasing = _calls(script, token="worker-secret")
        answer = await leasing.acquire(
            SESSION, Wanted(queues=["q"], types=["echo"], slots=3), wait_seconds=2
        )
        await leasing.aclose()
        assert _asked(script) == (
            "POST",
            "/api/jobs/acquire",
            "Bearer session-secret",
            {"worker_id": "w1", "queues": ["q"], "types": ["echo"], "slots": 3, "wait_seconds": 2},
        )
    (lease,) = answer.leases
    assert (lease.job_id, lease.fence, bytes(lease.payload)) == ("j1", 3, b'{"n": 1.1}')
    assert answer.waited_seconds == 0.5


async def test_reports_leave_out_what_was_not_given() -> None:
    result = {"job_id": "j1", "fence": 3, "status": "accepted"}
    report = ReportItem(job_id="j1", fence=3, outcome="completed", result=msgspec.Raw(b"[1]"))
    with scripted(_json({"results": [result]})) as script:
        leasing = _calls(script)
        (answer,) = (await leasing.complete(SESSION, [report])).results
        await leasing.aclose()
        assert _asked(script)[3] == {
            "worker_id": "w1",
            "reports": [{"job_id": "j1", "fence": 3, "outcome": "completed", "result": [1]}],
        }
    assert answer.status == "accepted"


async def test_release_logs_and_goodbye() -> None:
    with scripted(_json({})) as script:
        leasing = _calls(script)
        await leasing.release(SESSION, [ReleaseItem(job_id="j1", fence=3, started=True)])
        assert _asked(script)[1] == "/api/jobs/release"
        assert _asked(script)[3]["leases"] == [{"job_id": "j1", "fence": 3, "started": True}]
        await leasing.logs(SESSION, "j1", 3, 5, [LogLineIn(at="2026-01-01T00:00:00Z", text="x")])
        assert _asked(script)[1] == "/api/jobs/j1/logs"
        assert _asked(script)[3]["from"] == 5
        await leasing.goodbye(SESSION)
        assert _asked(script)[:3] == ("DELETE", "/api/workers/w1", "Bearer session-secret")
        await leasing.aclose()


def test_heartbeats_block_and_carry_all_leases() -> None:
    held = [
        HeldLease(job_id="j1", fence=3, progress=ProgressIn(fraction=0.5)),
        HeldLease(job_id="j2", fence=1, checkpoint=msgspec.Raw(b"{}")),
    ]
    answer = {"lost": [{"job_id": "j2", "fence": 1}], "drain": True}
    with scripted(_json(answer)) as script:
        leasing = Leasing(Transport(script.url))
        heard = leasing.heartbeat(SESSION, held, slots_free=4, draining=True, timeout=2)
        leasing.close()
        assert _asked(script)[1:] == (
            "/api/workers/w1/heartbeat",
            "Bearer session-secret",
            {
                "leases": [
                    {"job_id": "j1", "fence": 3, "progress": {"fraction": 0.5}},
                    {"job_id": "j2", "fence": 1, "checkpoint": {}},
                ],
                "slots_free": 4,
                "draining": True,
            },
        )
    assert [(lease.job_id, lease.fence) for lease in heard.lost] == [("j2", 1)]
    assert heard.drain


async def test_errors_are_those_of_the_coordinator() -> None:
    unknown = {
        "type": "", "title": "", "status": 404, "detail": "who?", "code": "worker_unknown",
    }  # fmt: skip
    with scripted(_json(unknown, 404)) as script:
        leasing = _calls(script)
        with pytest.raises(WorkerUnknown, match="who"):
            await leasing.goodbye(SESSION)
        await leasing.aclose()


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"leases": 1}'])
async def test_an_answer_of_something_else_is_an_error(body: bytes) -> None:
    with scripted(Reply(200, body)) as script:
        leasing = _calls(script)
        with pytest.raises(TenureError, match="not a coordinator's"):
            await leasing.acquire(SESSION, Wanted(queues=[], types=[], slots=1), wait_seconds=0)
        with pytest.raises(TenureError, match="not a coordinator's"):
            await leasing.register(Introduction("n", "h", 1, "", ("q",), {}, 1, {}))
        await leasing.aclose()
