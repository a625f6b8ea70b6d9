"""Group commit: merging, callers who leave, callers who bring poison, and faults of the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from asyncpg.transaction import Transaction

from tenure.domain.errors import (
    IdempotencyMismatch,
    InternalError,
    JobNotFound,
    TooMany,
    Unavailable,
    WorkerUnknown,
)
from tenure.domain.run import ReportStatus
from tenure.store import migrate
from tenure.store import tables as t
from tenure.store.engine import open_store
from tenure.store.leases import Claim
from tenure.store.renewals import Beat, Released
from tenure.store.submits import submit
from tenure.store.unit import Unit
from tests.builders import WORKER, new_job, report
from tests.postgres import PostgresServer
from tests.store.merging import COORDINATOR, Merging

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def template(postgres_server: PostgresServer) -> str:
    """A database that is migrated already, to be copied."""
    name = postgres_server.create()
    migrate.upgrade(postgres_server.url(name))
    return name


@pytest.fixture
def database_url(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if store_kind == "sqlite":
        yield f"sqlite:///{tmp_path}/tenure.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(request.getfixturevalue("template")) as url:
        yield url


@pytest.fixture
async def merging(database_url: str) -> AsyncIterator[Merging]:
    async with _merging(database_url) as found:
        yield found


@asynccontextmanager
async def _merging(database_url: str) -> AsyncIterator[Merging]:
    store = open_store(database_url)
    await store.open()
    found = Merging(store)
    found.committer.start()
    yield found
    await found.committer.stop()
    await store.close()


@pytest.fixture
async def waiting(database_url: str) -> AsyncIterator[Merging]:
    """As `merging`, not yet started: its first transaction takes all that waits."""
    store = open_store(database_url)
    await store.open()
    found = Merging(store, max_waiting=5)
    yield found
    await found.committer.stop()
    await store.close()


async def _entered(*calls: Any) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(call) for call in calls]
    await asyncio.sleep(0)
    return tasks


async def test_what_waits_goes_into_one_transaction(merging: Merging) -> None:
    await merging.register()
    assert await merging.committer.report([]) == []
    before = len(merging.units)
    submitting = asyncio.gather(*(merging.submit(3) for _ in range(50)))
    claims = await asyncio.gather(*(merging.claim() for _ in range(50)))
    await submitting
    assert len(merging.units) - before < 12
    assert await merging.jobs() == 150
    leased = [lease for leases in claims for lease in leases]
    assert len(set(leased)) == len(leased)


async def test_claims_of_a_worker_at_once_keep_to_its_slots(merging: Merging) -> None:
    await merging.register(slots=3)
    await merging.submit(40)
    for _ in range(10):
        claims = []
        for _ in range(6):  # each lane takes what is there at once: one after the other
            claims += await _entered(merging.claim(3))
            await asyncio.sleep(0)
        leases = [lease for leases in await asyncio.gather(*claims) for lease in leases]
        assert len(leases) == 3
        await merging.committer.release(Released(WORKER, dict.fromkeys(leases, False)))


async def test_every_kind_at_once_each_with_its_own_answer(merging: Merging) -> None:
    await merging.register()
    ids = await merging.submit(4)
    leases = await merging.claim(3)
    assert [lease[0] for lease in leases] == ids[:3]
    done, kept, back = leases
    submitted, statuses, beaten, released, single, claimed = await asyncio.gather(
        merging.submit(2),
        merging.committer.report([report(*done), report(ids[3])]),
        merging.committer.renew(Beat(WORKER, {kept: (None, None), (ids[3], 9): (None, None)})),
        merging.committer.release(Released(WORKER, {back: False})),
        merging.committer.run(lambda unit: unit.coordinator_id),
        merging.committer.claim(Claim("0193474a-0000-7000-8000-0000000000ff", (), (), 1)),
        return_exceptions=True,
    )
    assert isinstance(submitted, list)
    assert statuses == [ReportStatus.ACCEPTED, ReportStatus.LOST]
    assert not isinstance(beaten, BaseException)
    assert beaten.lost == [(ids[3], 9)]
    assert (released, single) == (1, COORDINATOR)
    assert isinstance(claimed, WorkerUnknown)


async def test_one_refusal_leaves_the_others_alone(merging: Merging) -> None:
    first, other = merging.submission(), merging.submission()
    for wanted, digest in ((first, "a"), (other, "b")):
        wanted.key, wanted.digest, wanted.answer = "key", digest, "{}"

    def missing(_: Unit) -> None:
        raise JobNotFound("no")

    found = await asyncio.gather(
        merging.committer.submit(first),
        merging.committer.submit(other),
        merging.committer.run(missing),
        merging.submit(1),
        return_exceptions=True,
    )
    assert isinstance(found[1], IdempotencyMismatch)
    assert isinstance(found[2], JobNotFound)
    assert isinstance(found[3], list)
    assert await merging.jobs() == 2


def _poison(kind: str) -> Callable[[Unit], Any]:
    """A single verb whose statement the store refuses, or that is itself wrong."""

    def verb(unit: Unit) -> Any:
        if kind == "value":
            unit.execute(sa.insert(t.jobs).values(id="x", type=None))
        if kind == "syntax":
            unit.conn.exec_driver_sql("SELEC 1")
        raise ZeroDivisionError

    return verb


@pytest.mark.parametrize("kind", ["value", "syntax", "python"])
async def test_a_poisonous_caller_fails_alone(merging: Merging, kind: str) -> None:
    await merging.register()
    good = [merging.submit(2) for _ in range(40)]
    found = await asyncio.gather(
        *good[:20], merging.committer.run(_poison(kind)), *good[20:], merging.claim(5),
        return_exceptions=True,
    )  # fmt: skip
    assert isinstance(found[20], InternalError)
    assert not [item for item in found[:20] + found[21:] if isinstance(item, BaseException)]
    assert await merging.jobs() == 80
    assert await merging.submit(1)


async def test_a_poisonous_submit_fails_alone(merging: Merging) -> None:
    poison = merging.submission()
    poison.jobs = [new_job(id=poison.jobs[0].id, priority=2**64)]
    calls = merging.submit(3), merging.committer.submit(poison), merging.submit(3)
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(found[1], InternalError)
    assert await merging.jobs() == 6


async def test_what_a_poisoned_caller_wrote_is_undone(merging: Merging) -> None:
    wanted = merging.submission()

    def half(unit: Unit) -> None:
        submit(unit, [wanted])
        raise ZeroDivisionError

    with pytest.raises(InternalError):
        await merging.committer.run(half)
    assert await merging.jobs() == 0
    assert merging.units[-1].ready == {}


async def test_a_caller_cancelled_while_it_waits_does_nothing(waiting: Merging) -> None:
    gone, stays = await _entered(waiting.submit(1), waiting.submit(1))
    gone.cancel()
    waiting.committer.start()
    await stays
    assert gone.cancelled()
    assert await waiting.jobs() == 1


async def test_a_caller_cancelled_in_flight_breaks_nothing(merging: Merging) -> None:
    gone, stays = await _entered(merging.submit(1), merging.submit(1))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    assert await merging.jobs() == 2


async def test_a_claim_cancelled_in_flight_keeps_nothing(merging: Merging) -> None:
    await merging.register()
    ids = await merging.submit(3)
    [gone] = await _entered(merging.claim(3))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    async with asyncio.timeout(5):
        while await merging.states() != ["pending"] * 3:
            await asyncio.sleep(0.005)
    leases = await merging.claim(3)
    assert [lease[0] for lease in leases] == ids
    attempts = sa.select(t.active_jobs.c.attempt)
    assert await merging.store.read(lambda conn: list(conn.scalars(attempts))) == [1, 1, 1]


async def test_too_many_waiting_writes_are_refused_and_reports_are_not(waiting: Merging) -> None:
    inside = await _entered(*(waiting.submit(1) for _ in range(5)))
    with pytest.raises(TooMany) as caught:
        await waiting.submit(1)
    assert caught.value.retry_after == 1.0
    with pytest.raises(TooMany):
        await waiting.committer.run(lambda _: None)
    with pytest.raises(TooMany):
        await waiting.claim()
    late = await _entered(
        waiting.committer.report([report(WORKER)]),
        waiting.committer.renew(Beat(WORKER, {})),
        waiting.committer.release(Released(WORKER, {(WORKER, 1): False})),
    )
    waiting.committer.start()
    await asyncio.gather(*inside)
    assert await late[0] == [ReportStatus.LOST]
    with pytest.raises(WorkerUnknown):
        await late[1]
    assert await late[2] == 0
    assert await waiting.submit(1)


async def test_stopping_commits_what_waits(merging: Merging) -> None:
    calls = await _entered(*(merging.submit(1) for _ in range(30)))
    await merging.committer.stop()
    await asyncio.gather(*calls)
    assert await merging.jobs() == 30
    with pytest.raises(Unavailable):
        await merging.submit(1)
    await merging.committer.stop()


async def test_a_hook_that_fails_stops_nobody(merging: Merging) -> None:
    def broken(_: Unit) -> None:
        raise ZeroDivisionError

    merging.hook = broken
    assert await merging.submit(1)
    merging.hook = merging.units.append
    assert len(await merging.submit(1)) == 1


async def test_single_verbs_run_in_the_order_of_their_keys(waiting: Merging) -> None:
    ran: list[str] = []
    calls = await _entered(
        *(
            waiting.committer.run(lambda _, key=key: ran.append(key), key=key)  # type: ignore[misc]
            for key in "cab"
        )
    )
    waiting.committer.start()
    await asyncio.gather(*calls)
    assert ran == ["a", "b", "c"]


@pytest.fixture
async def contested(
    postgres_server: PostgresServer, template: str
) -> AsyncIterator[tuple[Merging, str, Transaction]]:
    """A store, a job of it, and a transaction of somebody else who holds the job's row."""
    with postgres_server.database(template) as url:
        async with _merging(url) as merging:
            (job_id,) = await merging.submit(1)
            other = await asyncpg.connect(url)
            held = other.transaction()
            await held.start()
            await other.execute("SELECT 1 FROM active_jobs WHERE job_id = $1 FOR UPDATE", job_id)
            yield merging, job_id, held
            await other.close()


async def test_a_row_that_another_connection_holds_is_waited_for(
    contested: tuple[Merging, str, Transaction],
) -> None:
    """Released within the tries: the whole transaction runs again and everybody is answered."""
    merging, job_id, held = contested
    touching = asyncio.create_task(merging.committer.run(_touch(job_id), key=job_id))
    await asyncio.sleep(0.3)
    assert not touching.done()
    assert await merging.submit(1)
    await held.rollback()
    await touching


def _touch(job_id: str, wait: str = "2000") -> Callable[[Unit], None]:
    def verb(unit: Unit) -> None:
        unit.conn.exec_driver_sql(f"SET LOCAL lock_timeout = {wait}")
        c = t.active_jobs.c
        unit.execute(sa.update(t.active_jobs).where(c.job_id == job_id).values(lost=c.lost))

    return verb


async def test_a_row_held_too_long_refuses_only_who_wants_it(
    contested: tuple[Merging, str, Transaction],
) -> None:
    merging, job_id, held = contested
    found = await asyncio.gather(
        merging.committer.run(_touch(job_id, "20"), key=job_id),
        merging.submit(2),
        merging.committer.run(lambda unit: unit.now),
        return_exceptions=True,
    )
    assert isinstance(found[0], Unavailable)
    assert isinstance(found[1], list)
    assert isinstance(found[2], int)
    await held.rollback()
    await merging.committer.run(_touch(job_id))


async def test_a_store_that_goes_away_is_503_and_heals(private_postgres: PostgresServer) -> None:
    async with _merging(private_postgres.url(private_postgres.create())) as merging:
        await merging.submit(1)
        private_postgres.stop()
        calls = merging.submit(1), merging.submit(2), merging.committer.run(lambda unit: unit.now)
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(item, Unavailable) for item in found)
        assert [item.retry_after for item in found if isinstance(item, Unavailable)] == [1.0] * 3
        private_postgres.start()
        assert await _healed(merging)


async def _healed(merging: Merging) -> list[str]:
    async with asyncio.timeout(10):
        while True:
            try:
                return await merging.submit(3)
            except Unavailable:
                await asyncio.sleep(0.02)


async def test_a_full_disk_is_503_and_heals(tmp_path: Path) -> None:
    """SQLite's page limit stands for the disk."""
    store = open_store(f"sqlite:///{tmp_path}/tenure.db")
    await store.open()
    merging = Merging(store)
    merging.committer.start()
    await merging.submit(1)

    def limit(pages: str) -> Callable[[Unit], None]:
        return lambda unit: unit.conn.exec_driver_sql(f"PRAGMA max_page_count={pages}").close()

    await merging.committer.run(limit("1"))
    with pytest.raises(Unavailable):
        await merging.committer.submit(merging.submission(2000))
    assert await merging.jobs() == 1
    await merging.committer.run(limit("1000000"))
    assert len(await merging.submit(2000)) == 2000
    await merging.committer.stop()
    await store.close()
