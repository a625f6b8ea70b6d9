"""PostgreSQL: databases that are made, words between coordinators, errors in plain words."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from tenure.domain.errors import ConfigurationError
from tenure.store.dialect import POSTGRES
from tenure.store.engine import Store, open_store
from tenure.store.unit import Unit
from tests.postgres import PostgresServer, free_port

pytestmark = pytest.mark.anyio


async def test_a_database_that_is_not_there_is_made(postgres_server: PostgresServer) -> None:
    name = postgres_server.new_name() + ' "x'
    url = postgres_server.url(name.replace(" ", "%20").replace('"', "%22"))
    stores = [open_store(url) for _ in range(3)]
    await asyncio.gather(*(store.open() for store in stores))
    tables = sa.text("SELECT count(*) FROM jobs")
    assert await stores[0].read(lambda conn: conn.execute(tables).scalar_one()) == 0
    for store in stores:
        await store.close()
    postgres_server.sql('DROP DATABASE "' + name.replace('"', '""') + '"')


async def test_a_server_that_is_not_there(postgres_server: PostgresServer) -> None:
    for url in (
        f"postgresql://postgres:s3cret@127.0.0.1:{free_port()}/x",
        postgres_server.url("x").replace("postgres@", "nobody:s3cret@"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            await open_store(url).open()
        assert "s3cret" not in caught.value.detail
        assert "\n" not in caught.value.detail


async def _tell(store: Store, queue: str, workers: set[str]) -> None:
    def body(conn: sa.Connection) -> None:
        unit = Unit(conn, POSTGRES, 0, "")
        unit.ready[queue, "echo"] = 2
        unit.ready["taken", "echo"] = 0
        unit.woken = workers
        store.announce(conn, unit)

    await store.write(body)


async def test_words_reach_every_coordinator_also_after_a_cut(
    postgres_server: PostgresServer,
) -> None:
    name = postgres_server.create()
    store = open_store(postgres_server.url(name))
    await store.open()
    heard: list[str] = []
    listening = asyncio.create_task(store.listen(heard.append))

    async def until(word: str) -> None:
        async with asyncio.timeout(10):
            while word not in heard:
                await _tell(store, word.removeprefix("q:"), {"a"})
                await asyncio.sleep(0.02)

    await until("q:mail é")
    assert {"q:mail é", "w:a"} == set(heard)
    postgres_server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND query LIKE 'LISTEN%'"
    )
    await until("q:again")
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await store.close()
    postgres_server.drop(name)


async def test_readers_are_read_only_and_time_is_utc(postgres_server: PostgresServer) -> None:
    name = postgres_server.create()
    store = open_store(postgres_server.url(name))
    await store.open()

    def shown(conn: sa.Connection) -> list[str]:
        names = ("timezone", "lock_timeout", "transaction_read_only")
        return [conn.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]

    assert await store.read(shown) == ["UTC", "2s", "on"]
    assert await store.write(shown) == ["UTC", "2s", "off"]
    await store.close()
    postgres_server.drop(name)
