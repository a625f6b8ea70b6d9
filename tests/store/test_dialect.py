"""What differs between the two databases."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tenure.store import tables as t
from tenure.store.dialect import POSTGRES, SQLITE, Dialect, Fault
from tenure.store.unit import Unit
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.scenes import submitted


class _Raised(Exception):
    """As asyncpg's errors: they carry the state."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def _error(original: BaseException, gone: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, original, connection_invalidated=gone)


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("40P01", Fault.AGAIN), ("40001", Fault.AGAIN), ("55P03", Fault.AGAIN),
        ("22003", Fault.VALUE), ("23505", Fault.VALUE), ("42601", Fault.VALUE),
        ("54000", Fault.VALUE), ("53100", Fault.AWAY), ("57P01", Fault.AWAY),
        ("08006", Fault.AWAY), ("25006", Fault.AWAY), (None, Fault.AWAY), ("", Fault.AWAY),
    ],
)  # fmt: skip
def test_faults_of_postgresql(state: str | None, fault: Fault) -> None:
    assert POSTGRES.fault(_error(_Raised(state))) is fault
    assert POSTGRES.fault(_error(_Raised(state), gone=True)) is Fault.AWAY


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (sqlite3.OperationalError("database is locked"), Fault.AGAIN),
        (sqlite3.OperationalError("database or disk is full"), Fault.AWAY),
        (sqlite3.OperationalError("disk I/O error"), Fault.AWAY),
        (sqlite3.OperationalError("attempt to write a readonly database"), Fault.AWAY),
        (sqlite3.OperationalError("no such column: x"), Fault.VALUE),
        (sqlite3.OperationalError("malformed JSON"), Fault.VALUE),
        (sqlite3.IntegrityError("NOT NULL constraint failed"), Fault.VALUE),
        (sqlite3.DataError("string too big"), Fault.VALUE),
        (sqlite3.DatabaseError("database disk image is malformed"), Fault.AWAY),
    ],
)  # fmt: skip
def test_faults_of_sqlite(error: sqlite3.Error, fault: Fault) -> None:
    assert SQLITE.fault(_error(error)) is fault


def _read_back(unit: Unit, rows: list[list[Any]]) -> list[list[Any]]:
    batch = unit.dialect.batch(t.jobs.c.name, t.jobs.c.created_at, t.jobs.c.priority)
    statement = unit.dialect.read(sa.select(*batch.c))
    return [list(row) for row in unit.rows(statement, rows)]


def test_a_batch_comes_through_as_it_is(store: OpenedStore) -> None:
    rows: list[list[Any]] = [
        ["é😀\"'\\%s:x", 2**62, -100], ["", -(2**62), 0], [None, None, None],
        ["null", 0, 1], ["[1]", 1, 2],
    ]  # fmt: skip
    assert store.run(_read_back, rows) == rows
    assert store.run(_read_back, []) == []


def test_the_elements_of_a_json_array(store: OpenedStore) -> None:
    submitted(store, 1, tags=("red", 'b"lue'))

    def tags(unit: Unit) -> list[str]:
        element = unit.dialect.json_get(t.jobs.c.tags)
        statement = sa.select(element.c.value).select_from(t.jobs).join(element, sa.true())
        return sorted(unit.conn.scalars(statement))

    assert store.run(tags) == ['b"lue', "red"]


def test_real_faults_of_a_value(store: OpenedStore) -> None:
    def broken(unit: Unit) -> None:
        unit.execute(sa.insert(t.jobs).values(id="x"))

    with pytest.raises(DBAPIError) as caught:
        store.run(broken)
    assert store.dialect.fault(caught.value) is Fault.VALUE


def test_a_lock_timeout_is_worth_another_try(postgres_store: PostgresStore) -> None:
    [job_id] = submitted(postgres_store, 1)

    def lock(unit: Unit) -> Any:
        unit.conn.exec_driver_sql("SET LOCAL lock_timeout = 20")
        c = t.active_jobs.c
        return unit.conn.execute(sa.select(c.job_id).where(c.job_id == job_id).with_for_update())

    with pytest.raises(DBAPIError) as caught:
        postgres_store.beside(lock, lock)
    dialect: Dialect = postgres_store.dialect
    assert dialect.fault(caught.value) is Fault.AGAIN
