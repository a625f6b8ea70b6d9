from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from tenure.domain.clock import Clock
from tenure.domain.errors import JobNotFound, Unavailable
from tenure.store.engine import Store, open_store
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tests.builders import NOW
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = open_store(database_url)
    await opened.open()
    yield opened
    await opened.close()


def _ask(unit: Unit) -> tuple[int, int]:
    return unit.conn.execute(sa.text("SELECT 1")).scalar_one(), unit.now


async def test_a_read_has_the_coordinators_time(store: Store) -> None:
    clock = Clock(monotonic=lambda: 0, wall=lambda: NOW)
    assert await Reader(store, clock).run(_ask) == (1, NOW)


async def test_what_a_read_raises_comes_through(store: Store) -> None:
    def missing(_: Unit) -> None:
        raise JobNotFound("no")

    with pytest.raises(JobNotFound):
        await Reader(store, Clock()).run(missing)


async def test_a_read_the_store_refuses_is_unavailable(store: Store) -> None:
    with pytest.raises(Unavailable) as caught:
        await Reader(store, Clock()).run(lambda u: u.conn.exec_driver_sql("SELECT x FROM none"))
    assert caught.value.retry_after == 1.0
    assert (await Reader(store, Clock()).run(_ask))[0] == 1


async def test_a_store_that_goes_away_and_comes_back(private_postgres: PostgresServer) -> None:
    store = open_store(private_postgres.url("x"))
    await store.open()
    reader = Reader(store, Clock())
    assert (await reader.run(_ask))[0] == 1
    private_postgres.stop()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await reader.run(_ask)
    private_postgres.start()
    assert (await reader.run(_ask))[0] == 1
    await store.close()
