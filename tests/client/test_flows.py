"""Workflows through both clients, against a real coordinator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tenure import Context, Fail, InvalidInput, WaitTimeout, WorkflowNotFound, handler
from tests.client.conftest import Speak
from tests.worker.running import Running

pytestmark = pytest.mark.anyio
NOBODY = "01900000-0000-7000-8000-000000000000"


@handler("step")
async def step(payload: str, ctx: Context) -> str:
    if payload == "fails":
        raise Fail("as asked")
    return payload.upper()


def chain(payload: str = "a") -> list[Any]:
    return [
        {"key": "a", "type": "step", "payload": payload},
        {"key": "b", "type": "step", "payload": "b", "depends_on": ["a"]},
    ]


async def test_a_workflow_is_submitted_and_waited_for(running: Running, speak: Speak) -> None:
    made = await speak("submit_workflow", chain(), name="two", delay=timedelta(0))
    assert (made.name, made.total, made.finished) == ("two", 2, False)
    with pytest.raises(WaitTimeout):
        await speak("wait_workflow", made.id, 0)
    async with running.worker(step):
        found = await speak("wait_workflow", made.id, 30)
    assert (found.status, found.jobs) == ("completed", {"completed": 2})
    listed = await speak("workflows", status="completed", limit=1)
    assert [item.id for item in listed] == [made.id]


async def test_it_is_cancelled_and_retried(speak: Speak) -> None:
    made = await speak("submit_workflow", chain(), idempotency_key=f"flow-{speak}")
    again = await speak("submit_workflow", chain(), idempotency_key=f"flow-{speak}")
    assert again.id == made.id
    stopped = await speak("cancel_workflow", made.id, "no need")
    assert (stopped.status, stopped.finished) == ("cancelled", True)
    back = await speak("retry_workflow", made.id)
    assert back.jobs == {"pending": 1, "blocked": 1}
    await speak("cancel_workflow", made.id)


async def test_a_job_depends_on_jobs(speak: Speak) -> None:
    first = await speak("submit", "step", "a")
    edge = {"job_id": first.id, "on": "done"}
    second = await speak("submit", "step", "b", depends_on=[edge], join="any")
    job = await speak("get", second.id)
    assert (job.status, job.join, [e.on for e in job.depends_on]) == ("blocked", "any", ["done"])
    await speak("cancel", first.id)
    assert (await speak("get", second.id)).status == "pending"
    await speak("cancel", second.id)


async def test_errors_keep_their_class(speak: Speak) -> None:
    with pytest.raises(WorkflowNotFound):
        await speak("workflow", NOBODY)
    with pytest.raises(InvalidInput, match="a cycle: a -> b -> a"):
        jobs = chain()
        jobs[0]["depends_on"] = ["b"]
        await speak("submit_workflow", jobs)
