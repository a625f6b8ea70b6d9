"""Logs followed live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from tenure.coordinator import following
from tenure.coordinator.coordinator import Coordinator
from tenure.coordinator.following import Part
from tenure.domain.access import LOCAL_ADMIN
from tenure.domain.errors import InvalidInput, JobNotFound, TooMany
from tenure.settings import Settings
from tenure.wire.leases import Lease, LogLineIn, Logs
from tests.coordinator.scenes import finish, lease, register, submit
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio
PATIENCE_SECONDS = 20.0


async def log(
    coordinator: Coordinator, worker_id: str, held: Lease, start: int, *texts: str
) -> None:
    lines = [LogLineIn(at="", text=text) for text in texts]
    told = Logs(worker_id=worker_id, fence=held.fence, from_=start, lines=lines)
    await coordinator.control.append_logs(held.job_id, told)


@asynccontextmanager
async def followed(
    coordinator: Coordinator, job_id: str, **more: str | int
) -> AsyncIterator[AsyncGenerator[Part, None]]:
    parts = await coordinator.following.open(job_id, LOCAL_ADMIN, **more)  # type: ignore[arg-type]
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(parts):
        yield parts


async def texts(parts: AsyncGenerator[Part, None], count: int) -> list[str]:
    """So many lines; silence is passed over."""
    found: list[str] = []
    while len(found) < count:
        found += [line.text for _, line in (await anext(parts)).lines]
    return found


async def ended(parts: AsyncGenerator[Part, None]) -> tuple[list[str], str | None]:
    """The lines that still come, and the state they end with."""
    found: list[str] = []
    state = None
    async for part in parts:
        found += [line.text for _, line in part.lines]
        state = part.ended
    return found, state


async def waiting(coordinator: Coordinator, job_id: str) -> None:
    """Wait until somebody waits for news of the job."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while job_id not in coordinator.following.waiting():
            await asyncio.sleep(0.002)


async def test_lines_come_as_they_are_committed_until_the_end(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1)
    worker_id = await register(coordinator)
    held = await lease(coordinator, worker_id)
    await log(coordinator, worker_id, held, 0, "before")
    async with followed(coordinator, job_id[:13]) as parts:
        assert await texts(parts, 1) == ["before"]
        for n in range(3):
            next_one = asyncio.create_task(texts(parts, 2))
            await waiting(coordinator, job_id)
            await log(coordinator, worker_id, held, 1 + 2 * n, f"{n}a", f"{n}b")
            assert await next_one == [f"{n}a", f"{n}b"]
        last = asyncio.create_task(ended(parts))
        await waiting(coordinator, job_id)
        await log(coordinator, worker_id, held, 7, "last")
        await finish(coordinator, worker_id, held)
        assert await last == (["last"], "completed")
    assert coordinator.following.followers == 0
    assert coordinator.following.waiting() == []


async def test_a_follower_goes_on_over_attempts(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1)
    worker_id = await register(coordinator)
    async with followed(coordinator, job_id) as parts:
        for attempt in (1, 2):
            held = await lease(coordinator, worker_id)
            await log(coordinator, worker_id, held, 0, str(attempt))
            assert await texts(parts, 1) == [str(attempt)]
            outcome = "failed" if attempt == 1 else "completed"
            told = {"retry_after_seconds": 0.0} if attempt == 1 else {}
            await finish(coordinator, worker_id, held, outcome=outcome, **told)
        assert await ended(parts) == ([], "completed")


async def test_an_ended_log_is_read_whole_or_from_a_cursor_or_of_one_run(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MAX_LINES", 3)
    [job_id] = await submit(coordinator, 1)
    worker_id = await register(coordinator)
    held = await lease(coordinator, worker_id)
    names = [str(n) for n in range(6)]
    await log(coordinator, worker_id, held, 0, *names)
    await finish(coordinator, worker_id, held)
    async with followed(coordinator, job_id) as parts:
        first = await anext(parts)
        assert [line.text for _, line in first.lines] == names[:3]
        assert await ended(parts) == (names[3:], "completed")
    async with followed(coordinator, job_id, after=first.lines[1][0]) as parts:
        assert await ended(parts) == (names[2:], "completed")
    async with followed(coordinator, job_id, fence=held.fence + 1) as parts:
        assert await ended(parts) == ([], "completed")


async def test_silence_is_a_part_without_lines(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BEAT_SECONDS", 0.01)
    [job_id] = await submit(coordinator, 1)
    async with followed(coordinator, job_id) as parts:
        assert [await anext(parts) for _ in range(2)] == [Part([]), Part([])]
        assert coordinator.following.followers == 1


async def test_a_follower_that_leaves_leaves_nothing(coordinator: Coordinator) -> None:
    [job_id] = await submit(coordinator, 1)
    async with followed(coordinator, job_id) as parts:
        silent = asyncio.create_task(anext(parts))
        await waiting(coordinator, job_id)
        silent.cancel()
        await asyncio.wait([silent])
    assert coordinator.following.followers == 0
    assert coordinator.following.waiting() == []


async def test_a_stop_ends_every_follower_without_an_end_of_the_job(
    coordinator: Coordinator,
) -> None:
    [job_id] = await submit(coordinator, 1)
    async with followed(coordinator, job_id) as parts:
        last = asyncio.create_task(ended(parts))
        await waiting(coordinator, job_id)
        coordinator.wakeups.stop()
        assert await last == ([], None)


async def test_who_may_not_follow_is_told_before_anything_comes(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    [job_id] = await submit(coordinator, 1)
    follow = coordinator.following.open
    with pytest.raises(JobNotFound):
        await follow("0" * 36, LOCAL_ADMIN)
    with pytest.raises(InvalidInput, match="fence"):
        await follow(job_id, LOCAL_ADMIN, fence=0)
    with pytest.raises(InvalidInput, match="after"):
        await follow(job_id, LOCAL_ADMIN, after="x")
    monkeypatch.setattr(following, "MAX_FOLLOWERS", 0)
    with pytest.raises(TooMany):
        await follow(job_id, LOCAL_ADMIN)


async def test_what_another_coordinator_wrote_is_found_by_looking_again(
    postgres_server: PostgresServer,
) -> None:
    settings = Settings(database_url=postgres_server.url(postgres_server.new_name()))
    here, there = Coordinator(settings), Coordinator(settings)
    await here.start()
    await there.start()
    one, two = await submit(here, 2)
    worker_id = await register(there)
    held = [await lease(there, worker_id), await lease(there, worker_id)]
    async with followed(here, one) as first, followed(here, two) as second:
        logs = asyncio.create_task(texts(first, 1))
        end = asyncio.create_task(ended(second))
        await waiting(here, one)
        await waiting(here, two)
        await here.look_again()
        await log(there, worker_id, held[0], 0, "from there")
        await finish(there, worker_id, held[1])
        await asyncio.sleep(0.05)
        assert (logs.done(), end.done()) == (False, False)
        await here.look_again()
        assert await logs == ["from there"]
        assert await end == ([], "completed")
    await here.stop()
    await there.stop()
