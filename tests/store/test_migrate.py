"""Migrations at start."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from anyio import to_thread

from tenure.domain.errors import ConfigurationError
from tenure.store import migrate, schema
from tenure.store.engine import open_store

pytestmark = pytest.mark.anyio


async def test_an_empty_database_is_migrated_once(database_url: str) -> None:
    for _ in range(2):
        await to_thread.run_sync(migrate.upgrade, database_url)
        assert await to_thread.run_sync(migrate.check, database_url)


async def test_the_migrations_make_the_tables_of_the_code(database_url: str) -> None:
    store = open_store(database_url)
    await store.open()

    def columns(conn: sa.Connection) -> dict[str, list[str]]:
        inspector = sa.inspect(conn)
        return {
            name: sorted(column["name"] for column in inspector.get_columns(name))
            for name in inspector.get_table_names()
            if name != "alembic_version"
        }

    def indexes(conn: sa.Connection) -> set[str]:
        inspector = sa.inspect(conn)
        return {
            str(index["name"])
            for name in schema.metadata.tables
            for index in inspector.get_indexes(name)
        }

    found = await store.read(columns)
    assert found == {name: sorted(table.c.keys()) for name, table in schema.metadata.tables.items()}
    wanted = {str(i.name) for table in schema.metadata.tables.values() for i in table.indexes}
    assert wanted <= await store.read(indexes)
    await store.close()


async def test_a_newer_database_is_refused(database_url: str) -> None:
    store = open_store(database_url)
    await store.open()
    newer = sa.text("UPDATE alembic_version SET version_num = '9999'")
    await store.write(lambda conn: conn.execute(newer) and None)
    await store.close()
    with pytest.raises(ConfigurationError, match="revision 9999"):
        await open_store(database_url).open()
    assert not await to_thread.run_sync(migrate.check, database_url)


async def test_a_check_creates_nothing(database_url: str, store_kind: str) -> None:
    missing = database_url.replace("tenure.db", "none.db") + ("x" if store_kind != "sqlite" else "")
    with pytest.raises(ConfigurationError, match="cannot read the database"):
        await to_thread.run_sync(migrate.check, missing)
    with pytest.raises(ConfigurationError):
        await to_thread.run_sync(migrate.check, missing)
