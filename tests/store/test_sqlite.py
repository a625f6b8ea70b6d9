"""The file, its lock, its mode and its pragmas."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from tenure.domain.errors import ConfigurationError
from tenure.store.engine import Store, open_store

pytestmark = pytest.mark.anyio


def _store(path: Path) -> Store:
    return open_store(f"sqlite:///{path}")


async def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    store = _store(tmp_path / "t.db")
    await store.open()
    await store.write(lambda conn: None)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    await store.close()


async def test_a_second_coordinator_on_the_file_is_refused(tmp_path: Path) -> None:
    store = _store(tmp_path / "t.db")
    await store.open()
    (tmp_path / "other.db").symlink_to(tmp_path / "t.db")
    for name in ("t.db", "other.db"):
        with pytest.raises(ConfigurationError, match="another coordinator uses"):
            await _store(tmp_path / name).open()
    assert await store.write(lambda conn: 1) == 1
    await store.close()
    second = _store(tmp_path / "t.db")
    await second.open()
    await second.close()


async def test_acknowledged_rows_are_synced(tmp_path: Path) -> None:
    store = _store(tmp_path / "t.db")
    await store.open()

    def pragmas(conn: sa.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "query_only")
        return [conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    assert await store.write(pragmas) == ["wal", 2, 1, 0]
    assert await store.read(pragmas) == ["wal", 2, 1, 1]
    await store.close()


async def test_a_reader_sees_the_last_commit_while_a_write_is_open(tmp_path: Path) -> None:
    store = _store(tmp_path / "t.db")
    await store.open()
    other = sqlite3.connect(tmp_path / "t.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    count = sa.text("SELECT count(*) FROM jobs")
    assert await store.read(lambda conn: conn.execute(count).scalar_one()) == 0
    other.execute("ROLLBACK")
    other.close()
    await store.close()


@pytest.mark.parametrize(
    "content", [b"this is no database, and long enough to be read as one" * 20]
)
async def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.db"
    path.write_bytes(content)
    for _ in range(2):  # the lock is given back
        with pytest.raises(ConfigurationError, match="cannot use"):
            await _store(path).open()
    assert path.read_bytes() == content


async def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot open"):
        await _store(tmp_path / "missing" / "t.db").open()
