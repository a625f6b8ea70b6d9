"""A store opened for tests: runs verbs, one transaction each, on either database."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from tenure.domain.ids import IdSource
from tenure.store import schema
from tenure.store.dialect import POSTGRES, SQLITE, Dialect
from tenure.store.outbox import post
from tenure.store.ties import settle
from tenure.store.unit import Unit
from tests.builders import NOW

P = ParamSpec("P")
T = TypeVar("T")

COORDINATOR = "0193474a-0000-7000-8000-00000000000c"
OTHER_COORDINATOR = "0193474a-0000-7000-8000-00000000000d"

_PATIENCE_SECONDS = 20.0
_WAITING = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid() "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class OpenedStore(ABC):
    """Runs store verbs at `now` (microseconds), which the test moves. `last` is the unit of the
    transaction that ran last, for its `ready` and `woken`."""

    dialect: Dialect

    def __init__(self) -> None:
        self.now = NOW
        self.last: Unit | None = None
        self.ids: IdSource | None = None
        """Names what verbs make up themselves; None: at random."""

    def run(self, verb: Callable[Concatenate[Unit, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `verb(unit, *args)` and settle what follows, in one transaction."""
        return self.within(lambda conn: self._run(conn, lambda unit: verb(unit, *args, **kwargs)))

    def statements(self, body: Callable[[], object]) -> list[str]:
        """The statements that `body` runs on this store."""
        ran: list[str] = []
        engine = self.within(lambda conn: conn.engine)

        def note(_: Any, __: Any, statement: str, *___: Any) -> None:
            ran.append(statement)

        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            body()
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)
        return ran

    def _run(
        self, conn: sa.Connection, body: Callable[[Unit], T], coordinator_id: str = COORDINATOR
    ) -> T:
        unit = Unit(conn, self.dialect, self.now, coordinator_id, self.ids)
        self.last = unit
        found = body(unit)
        settle(unit)
        post(unit)
        unit.write_tally()
        return found

    def rows(self, statement: sa.Select[Any]) -> list[Any]:
        """All rows of a plain select, in a transaction of its own."""
        return self.within(lambda conn: list(conn.execute(statement).all()))

    def execute(self, statement: sa.Executable) -> None:
        """Run a plain statement, in a transaction of its own."""
        self.within(lambda conn: conn.execute(statement) and None)

    def empty(self) -> None:
        """Delete every row and set `now` back."""
        self.now = NOW
        self.ids = None
        self.within(
            lambda conn: [conn.execute(sa.delete(table)) for table in schema.metadata.sorted_tables]
        )

    @abstractmethod
    def within(self, body: Callable[[sa.Connection], T]) -> T:
        """Run `body` in one transaction; commit, or roll back when it raises."""

    @abstractmethod
    def reopen(self) -> None:
        """Close every connection and open the store again."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""


class SqliteStore(OpenedStore):
    """One synchronous connection that begins every transaction IMMEDIATE."""

    dialect = SQLITE

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._engine = self._open()
        self.within(schema.metadata.create_all)

    def _open(self) -> sa.Engine:
        engine = sa.create_engine(self._url, poolclass=StaticPool)
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine

    def within(self, body: Callable[[sa.Connection], T]) -> T:
        with self._engine.begin() as conn:
            return body(conn)

    def reopen(self) -> None:
        self.close()
        self._engine = self._open()

    def close(self) -> None:
        self._engine.dispose()


def _prepare(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


class PostgresStore(OpenedStore):
    """asyncpg, driven by a loop of its own so that tests stay synchronous."""

    dialect = POSTGRES

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url.replace("postgresql://", "postgresql+asyncpg://", 1)
        self._loop = asyncio.new_event_loop()
        self._engine = self._open()
        self.within(schema.metadata.create_all)

    def _open(self) -> AsyncEngine:
        return create_async_engine(self._url, connect_args={"server_settings": {"jit": "off"}})

    def within(self, body: Callable[[sa.Connection], T]) -> T:
        return self._loop.run_until_complete(self._within(body))

    async def _within(self, body: Callable[[sa.Connection], T]) -> T:
        async with self._engine.begin() as conn:
            return await conn.run_sync(body)

    def beside(self, first: Callable[[Unit], T], second: Callable[[Unit], T]) -> tuple[T, T]:
        """Run `second` for another coordinator while the transaction of `first` is still open."""

        async def both() -> tuple[T, T]:
            async with self._engine.begin() as conn:
                one = await conn.run_sync(lambda inner: self._run(inner, first))
                two = await asyncio.wait_for(
                    self._within(lambda inner: self._run(inner, second, OTHER_COORDINATOR)),
                    _PATIENCE_SECONDS,
                )
            return one, two

        return self._loop.run_until_complete(both())

    def overlapping(self, first: Callable[[Unit], Any], second: Callable[[Unit], T]) -> T:
        """Run `second`, which waits for `first`, while the transaction of `first` is still open;
        that is committed when the other one waits."""

        async def both() -> T:
            async with self._engine.begin() as conn:
                await conn.run_sync(lambda inner: self._run(inner, first))
                later = asyncio.ensure_future(
                    self._within(lambda inner: self._run(inner, second, OTHER_COORDINATOR))
                )
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    while not (await conn.exec_driver_sql(_WAITING)).scalar_one():
                        await asyncio.sleep(0.005)
            return await asyncio.wait_for(later, _PATIENCE_SECONDS)

        return self._loop.run_until_complete(both())

    def reopen(self) -> None:
        self._loop.run_until_complete(self._engine.dispose())
        self._engine = self._open()

    def close(self) -> None:
        self._loop.run_until_complete(self._engine.dispose())
        self._loop.close()


def open_store(url: str) -> OpenedStore:
    """Open the database at `url` and create its tables."""
    return SqliteStore(url) if url.startswith("sqlite:") else PostgresStore(url)
