"""Opening stores, and what a transaction leaves behind when it ends badly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from tenure.domain.errors import ConfigurationError
from tenure.store import tables as t
from tenure.store.engine import Store, open_store
from tenure.store.postgres import PostgresStore
from tenure.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[Store]:
    store = open_store(database_url)
    await store.open()
    yield store
    await store.close()


def _insert(key: str) -> sa.Insert:
    return sa.insert(t.idempotency_keys).values(
        owner="", key=key, digest="", job_id="0193474a-0000-7000-8000-000000000001", created_at=1
    )


async def _keys(store: Store) -> list[str]:
    query = sa.select(t.idempotency_keys.c.key).order_by(t.idempotency_keys.c.key)
    return await store.read(lambda conn: list(conn.scalars(query)))


async def test_a_transaction_is_kept_or_undone(opened: Store) -> None:
    assert await opened.write(lambda conn: conn.execute(_insert("a")) and 7) == 7

    def fails(conn: sa.Connection) -> None:
        conn.execute(_insert("b"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await opened.write(fails)
    assert await _keys(opened) == ["a"]
    await opened.write(lambda conn: conn.execute(_insert("c")) and None)
    assert await _keys(opened) == ["a", "c"]


async def test_readers_may_not_write(opened: Store) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await opened.read(lambda conn: conn.execute(_insert("a")))
    assert await _keys(opened) == []


async def test_a_read_whose_caller_leaves_ends_in_order(opened: Store) -> None:
    reading = [asyncio.create_task(_keys(opened)) for _ in range(20)]
    await asyncio.sleep(0)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    assert await _keys(opened) == []


async def test_a_closed_store_refuses(database_url: str) -> None:
    store = open_store(database_url)
    await store.close()
    with pytest.raises(ConfigurationError):
        await store.read(lambda conn: None)
    await store.open()
    await store.close()
    await store.close()


async def test_the_clock_of_the_store_is_sampled(opened: Store) -> None:
    from tenure.domain import clock

    offset, trip = await opened.clock_offset(clock.monotonic_now)
    assert abs(offset + clock.monotonic_now() - clock.wall_now()) < 5_000_000
    assert 0 <= trip < 5_000_000


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqlite:///x.db", SqliteStore), ("postgresql://h/x", PostgresStore),
        ("postgresql+asyncpg://h/x", PostgresStore),
    ],
)  # fmt: skip
def test_the_url_decides(url: str, kind: type[Store]) -> None:
    assert isinstance(open_store(url), kind)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "not a URL"), ("tenure.db", "not a URL"), ("mysql://h/x", "mysql is not supported"),
        ("sqlite://", "needs a file"), ("sqlite:///:memory:", "needs a file"),
        ("postgresql://h", "needs a database name"),
    ],
)  # fmt: skip
def test_urls_that_cannot_be_used(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        open_store(url)


def test_no_password_is_said() -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store("mysql://ann:s3cret@h/x")
    assert "s3cret" not in caught.value.detail
