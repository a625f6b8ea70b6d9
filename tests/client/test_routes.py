"""Every route through both clients, against a real coordinator."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import anyio
import msgspec
import pytest

from tenure import (
    Context,
    Fail,
    IdempotencyMismatch,
    IllegalTransition,
    InvalidInput,
    JobNotFound,
    NotFound,
    OperationNotFound,
    Retry,
    Submitted,
    VersionConflict,
    WaitTimeout,
    WorkerNotFound,
    handler,
)
from tenure.client import routes
from tenure.client.call import Call
from tenure.client.submission import encode_job
from tenure.domain.errors import UnknownField
from tests.client.conftest import Speak
from tests.worker.running import Running

pytestmark = pytest.mark.anyio
NOBODY = "01900000-0000-7000-8000-000000000000"


@handler("double")
async def double(payload: int, ctx: Context) -> int:
    ctx.log.info(f"doubling {payload}")
    ctx.log.info("and done")
    return payload * 2


@handler("refuse")
async def refuse(payload: str) -> None:
    raise Fail(payload)


@handler("patient")
async def patient(ctx: Context) -> None:
    ctx.log.info("first")
    await anyio.sleep(0.3)
    ctx.log.info("second")
    if ctx.attempt == 1:
        raise Retry(after=0)


async def test_a_job_is_submitted_and_read(speak: Speak) -> None:
    at = datetime(2040, 1, 31, 8, 30, 0, 125_000, tzinfo=UTC)
    payload = {"n": 2**70, "t": "ü\n", "f": 1.5, "l": [None, True]}
    made = await speak(
        "submit",
        "nobody.runs.this",
        payload,
        queue="reading",
        name="a name",
        priority="High",
        tags=["x", "y"],
        max_retries=1,
        retry_policy="fixed",
        timeout=timedelta(minutes=1),
        run_at=at,
        expires_at=at + timedelta(days=1),
        on_lost="fail",
    )
    assert not made.existing
    job = await speak("get", made.id)
    assert (job.id, job.type, job.queue, job.name) == (
        made.id,
        "nobody.runs.this",
        "reading",
        "a name",
    )
    assert (job.status, job.reason, job.run_at, job.priority) == ("scheduled", "run_at", at, 10)
    assert (job.payload, job.tags, job.max_attempts, job.timeout_seconds) == (
        payload,
        ["x", "y"],
        2,
        60.0,
    )
    assert (job.on_lost, job.retry_policy.strategy) == ("fail", "fixed")
    assert job.created_at.tzinfo is not None
    assert not job.finished


async def test_a_payload_travels_byte_for_byte(speak: Speak) -> None:
    raw = msgspec.Raw(b'{"f": 1.10, "big": 123456789012345678901234567890}')
    made = await speak("submit", "exact", raw)
    call: Call[bytes] = Call("GET", f"/api/jobs/{made.id}", lambda answer: answer.body)
    assert bytes(raw) in await speak("run", call)


async def test_the_same_key_is_the_same_job(speak: Speak) -> None:
    key = f"key-{datetime.now(UTC).timestamp()}"
    first = await speak("submit", "keyed", 1, idempotency_key=key)
    again = await speak("submit", "keyed", 1, idempotency_key=key)
    assert again == Submitted(first.id, existing=True)
    many = await speak("submit_many", [{"type": "keyed", "payload": 1, "idempotency_key": key}])
    assert list(many) == [Submitted(first.id, existing=True)]
    with pytest.raises(IdempotencyMismatch):
        await speak("submit", "keyed", 2, idempotency_key=key)


async def test_many_are_all_or_none(speak: Speak) -> None:
    made = await speak(
        "submit_many", ({"type": "many", "payload": n, "tags": ["all"]} for n in range(100))
    )
    assert len({one.id for one in made}) == 100
    assert (await speak("get", made[7].id)).payload == 7
    before = len(await speak("list", type="many"))
    with pytest.raises(InvalidInput) as caught:
        await speak("submit_many", [{"type": "many"}, {"type": "many", "priority": 1000}])
    assert [error.pointer for error in caught.value.errors] == ["/1/priority"]
    assert len(await speak("list", type="many")) == before


async def test_each_is_by_itself(speak: Speak) -> None:
    good, bad = await speak("submit_each", [{"type": "each"}, {"type": "each", "priority": 1000}])
    assert (await speak("get", good.id)).type == "each"
    assert isinstance(bad, InvalidInput)
    assert bad.errors


async def test_unknown_fields_are_named(speak: Speak) -> None:
    with pytest.raises(UnknownField, match="did you mean queue"):
        await speak("submit", "x", queu="a")


async def test_waiting_ends_with_the_job(speak: Speak, running: Running) -> None:
    made = await speak("submit", "double", 21)
    async with running.worker(double):
        job = await speak("wait", made.id, 10)
    assert (job.status, job.result, job.attempt) == ("completed", 42, 1)
    assert job.finished


async def test_waiting_gives_up_in_time(speak: Speak) -> None:
    made = await speak("submit", "never")
    with pytest.raises(WaitTimeout, match=made.id):
        await speak("wait", made.id, timedelta(milliseconds=50))
    with pytest.raises(WaitTimeout):
        await speak("wait", made.id, 0)
    with pytest.raises(JobNotFound):
        await speak("wait", NOBODY, 1)


async def test_runs_logs_and_errors(speak: Speak, running: Running) -> None:
    good, bad = (await speak("submit", "double", 4)).id, (await speak("submit", "refuse", "no")).id
    async with running.worker(double, refuse):
        lines = await speak("follow", good)
        await speak("wait", good, 10)
        failed = await speak("wait", bad, 10)
    assert [line.text for line in lines] == ["doubling 4", "and done"]
    assert await speak("logs", good) == lines
    assert await speak("logs", good, lines[0].fence) == lines
    (run,) = await speak("runs", good)
    assert (run.outcome, run.result, run.attempt) == ("completed", 8, 1)
    assert (failed.status, failed.reason, failed.error.message) == ("failed", "non_retryable", "no")


async def test_a_log_is_followed_while_it_is_written(speak: Speak, running: Running) -> None:
    made = await speak("submit", "patient")
    async with running.worker(patient):
        lines = await speak("follow", made.id, timeout=20)
        assert [line.text for line in lines] == ["first", "second", "first", "second"]
        fences = sorted({line.fence for line in lines})
        assert len(fences) == 2
        last = await speak("follow", made.id, fence=fences[1])
    assert last == lines[2:]
    waiting = await speak("submit", "never")
    with pytest.raises(WaitTimeout, match=waiting.id):
        await speak("follow", waiting.id, timeout=timedelta(milliseconds=50))
    with pytest.raises(JobNotFound):
        await speak("follow", NOBODY)


async def test_why_a_job_waits(speak: Speak) -> None:
    made = await speak("submit", "nobody.runs.this", queue="nobody.serves.this")
    told = await speak("explain", made.id)
    assert (told.job_id, told.status, told.estimated_start_at) == (made.id, "pending", None)
    assert told.reasons[0].cause == "no_worker"
    with pytest.raises(JobNotFound):
        await speak("explain", NOBODY)


async def test_lists_are_filtered_and_paged(speak: Speak) -> None:
    queue = f"q{datetime.now(UTC).timestamp()}"
    made = await speak(
        "submit_many",
        [{"type": f"t{n % 2}", "queue": queue, "tags": [f"tag{n}"]} for n in range(7)],
    )
    ids = [one.id for one in reversed(made)]
    assert [job.id for job in await speak("list", queue=queue)] == ids
    assert [job.id for job in await speak("list", queue=queue, limit=3)] == ids[:3]
    assert [job.id for job in await speak("list", queue=queue, type="t1")] == ids[1::2]
    assert [job.id for job in await speak("list", queue=queue, tag="tag6")] == ids[:1]
    assert [job.id for job in await speak("list", q=f"queue:{queue} not tag:tag6")] == ids[1:]
    statuses = ["pending", "failed"]
    assert len(await speak("list", queue=queue, status=statuses)) == 7
    assert await speak("list", queue=queue, status="completed") == []
    page = await speak("page", queue=queue, limit=5)
    assert [job.id for job in page.items] == ids[:5]
    page = await speak("page", queue=queue, limit=5, after=page.next)
    assert [job.id for job in page.items] == ids[5:]


async def test_edits(speak: Speak) -> None:
    made = await speak("submit", "edited", {"a": 1}, priority=3, timeout=5)
    job = await speak("update", made.id, priority=7, payload={"b": 2}, timeout=None)
    assert (job.priority, job.payload, job.timeout_seconds) == (7, {"b": 2}, None)
    assert (await speak("update", made.id, job.version, name="n")).name == "n"
    with pytest.raises(VersionConflict):
        await speak("update", made.id, job.version, name="m")


async def test_control(speak: Speak) -> None:
    job_id = (await speak("submit", "controlled")).id
    assert (await speak("pause", job_id, "not now")).status == "paused"
    assert (await speak("resume", job_id)).status == "pending"
    assert (await speak("cancel", job_id, "enough")).status == "cancelled"
    assert (await speak("cancel", job_id)).status == "cancelled"
    with pytest.raises(IllegalTransition):
        await speak("pause", job_id)
    assert (await speak("retry", job_id)).status == "pending"
    events = await speak("events", job_id)
    assert [(event.event, event.reason) for event in events] == [
        ("pause", "not now"),
        ("resume", None),
        ("cancel", "enough"),
        ("retry", None),
    ]
    await speak("delete", job_id)
    with pytest.raises(JobNotFound):
        await speak("get", job_id)


async def test_the_start_of_an_id_will_do(speak: Speak) -> None:
    made = await speak("submit", "short")
    assert (await speak("get", made.id[:-2])).id == made.id


async def test_nobody_is_not_found(speak: Speak) -> None:
    for method in ("get", "delete", "cancel", "retry", "runs", "logs", "events"):
        with pytest.raises(JobNotFound):
            await speak(method, NOBODY)
    with pytest.raises(NotFound):
        await speak("get", "../../health?x=#")
    with pytest.raises(WorkerNotFound):
        await speak("drain", NOBODY)


async def test_the_fleet(speak: Speak, running: Running) -> None:
    await speak("submit", "waiting", queue="fleet")
    async with running.worker(double, name="fleet-1", queues=("fleet",), slots=3) as worker:
        (found,) = [w for w in await speak("workers") if w.name == "fleet-1" and w.state != "gone"]
        assert (found.state, found.slots, found.types) == ("online", 3, ["double"])
        with anyio.fail_after(10):  # counts are a snapshot, taken about every second
            while "fleet" not in {queue.name for queue in await speak("queues")}:
                await anyio.sleep(0.05)
        assert (await speak("drain", found.id)).id == found.id
        assert worker.types == ["double"]
    stats = await speak("stats")
    assert stats.totals["submitted"] >= 1


async def test_the_other_calls(speak: Speak, running: Running) -> None:
    made = await speak("submit", "upcoming", queue="upcoming")
    assert made.id in {upcoming.job_id for upcoming in await speak("pending", 500)}
    assert b'"openapi"' in await speak("run", routes.openapi())
    (run,) = await _one_run(speak, running)
    job_id, fence = run
    assert (await speak("run", routes.run(job_id, fence))).outcome == "completed"


async def _one_run(speak: Speak, running: Running) -> list[tuple[str, int]]:
    made = await speak("submit", "double", 1)
    async with running.worker(double):
        await speak("wait", made.id, 10)
    return [(made.id, run.fence) for run in await speak("runs", made.id)]


def test_a_request_has_one_key_unless_a_job_brings_its_own() -> None:
    plain, keyed = encode_job("a", 1, {}), encode_job("b", 2, {"idempotency_key": "mine"})
    for call in (routes.submit(plain), routes.submit_all([plain] * 2), routes.submit_each([plain])):
        assert call.headers is not None
        assert len(call.headers["Idempotency-Key"]) == 32
        assert b"idempotency_key" not in (call.body or b"")
    for mixed in (routes.submit_all([plain, keyed]), routes.submit_each([plain, keyed])):
        assert mixed.headers is None
        first, second = json.loads(mixed.body or b"")
        assert len(first["idempotency_key"]) == 32
        assert second["idempotency_key"] == "mine"
    assert routes.submit(keyed).headers is None


async def test_a_lost_answer_is_asked_for_again(speak: Speak) -> None:
    call = routes.submit_all([encode_job("lost", n, {}) for n in range(3)])
    first, again = await speak("run", call), await speak("run", call)
    assert first == again
    assert len(await speak("list", type="lost")) in (3, 6)  # by the one client, by both
    one = routes.submit(encode_job("lost.one", None, {}))
    first, again = await speak("run", one), await speak("run", one)
    assert first == again == Submitted(first.id, existing=False)


async def test_one_thing_is_done_to_many_jobs(speak: Speak) -> None:
    queue = f"q{datetime.now(UTC).timestamp()}"
    made = await speak("submit_many", [{"type": "nobody.runs.this", "queue": queue}] * 3)
    where = f"queue:{queue}"
    counted = await speak("preview", "priority", where, priority=3)
    assert (counted.matched, counted.by_status) == (3, {"pending": 3})
    begun = await speak("begin", "cancel", where, reason="enough")
    assert (begun.expected, begun.finished, begun.reason) == (3, False, "enough")
    while not (told := await speak("operation", begun.id)).finished:
        await anyio.sleep(0.01)
    assert (told.status, told.done) == ("completed", 3)
    assert (await speak("get", made[0].id)).status == "cancelled"
    assert begun.id in [one.id for one in await speak("operations", 500)]
    with pytest.raises(IllegalTransition):
        await speak("abort", begun.id, "too late")
    with pytest.raises(OperationNotFound):
        await speak("operation", NOBODY)
    with pytest.raises(InvalidInput, match="did you mean queue"):
        await speak("begin", "cancel", "quue:x")


async def test_dead_letters(speak: Speak, running: Running) -> None:
    async with running.worker(refuse):
        made = [await speak("submit", "refuse", f"number {n} was odd") for n in range(2)]
        for one in made:
            assert (await speak("wait", one.id)).status == "failed"
    found = await speak("dead_letters", q=f"id:{made[0].id},{made[1].id}")
    assert (found.failed, found.complete, len(found.items)) == (2, True, 1)
    [group] = found.items
    assert group.error is not None
    assert group.error.message.endswith("was odd")
    assert (await speak("dead_letter_group", group.fingerprint)).count >= 2
    with pytest.raises(NotFound):
        await speak("dead_letter_group", "none")
