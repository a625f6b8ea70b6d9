"""Opening a database: one writing connection and a pool of readers behind one small seam.

SQLite writes in a thread of its own, a whole transaction in one hop; PostgreSQL writes through
asyncpg. Both run the same synchronous verbs.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tenure.domain.errors import ConfigurationError
from tenure.store.dialect import Dialect
from tenure.store.unit import Unit

Result = TypeVar("Result")
Body = Callable[[sa.Connection], Result]


class CommitUnknown(Exception):  # noqa: N818
    """COMMIT failed or got no answer: the transaction may or may not have happened."""


def run_transaction(conn: sa.Connection, body: Body[Result]) -> Result:
    """BEGIN, `body`, COMMIT. Whatever `body` raises rolls back; CommitUnknown as named."""
    transaction = conn.begin()
    try:
        result = body(conn)
    except BaseException:
        _roll_back(transaction)
        raise
    try:
        transaction.commit()
    except (DBAPIError, OSError) as error:
        _roll_back(transaction)
        raise CommitUnknown(str(error)) from error
    return result


def _roll_back(transaction: sa.RootTransaction) -> None:
    try:
        transaction.rollback()
    except DBAPIError:
        transaction.connection.invalidate()


class Store(ABC):
    """A database that is open between `open` and `close`."""

    dialect: Dialect
    writers: int
    """How many transactions may run at once."""

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self._readers: AsyncEngine | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    @abstractmethod
    def check_url(self) -> sa.URL:
        """An async URL that reads the database and never creates it."""

    @property
    @abstractmethod
    def directory(self) -> Path:
        """Where the coordinator keeps files of its own."""

    @abstractmethod
    async def open(self) -> None:
        """Create what is missing, migrate, connect. Raises ConfigurationError."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection. Legal before `open` and twice."""

    @abstractmethod
    async def write(self, body: Body[Result]) -> Result:
        """One transaction. Not to be cancelled: the caller shields it.

        Raises what `body` raises, DBAPIError, or CommitUnknown.
        """

    @abstractmethod
    async def clock_offset(self, monotonic: Callable[[], int]) -> tuple[int, int]:
        """(store's clock - monotonic, round trip), both microseconds, sampled once.

        Raises Unavailable.
        """

    @abstractmethod
    def announce(self, conn: sa.Connection, unit: Unit) -> None:
        """Tell other coordinators what became ready, with the commit of this transaction."""

    @abstractmethod
    async def listen(self, heard: Callable[[str], None]) -> None:
        """Call `heard` with what other coordinators announce, until cancelled."""

    @abstractmethod
    async def tidy(self) -> None:
        """Clear dead rows off the churning table. Blocks nobody. Raises Unavailable."""

    async def read(self, body: Body[Result]) -> Result:
        """Run `body` in a read-only transaction of its own. Raises DBAPIError.

        Cancelling the caller does not interrupt a statement half-way: a connection that is torn
        away in the middle would keep its snapshot open.
        """
        task = asyncio.create_task(self._read(body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _read(self, body: Body[Result]) -> Result:
        if self._readers is None:
            raise ConfigurationError("the store is not open")
        async with self._readers.connect() as conn:
            return await conn.run_sync(body)

    async def _close_readers(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._readers is not None:
            await self._readers.dispose()
            self._readers = None


def open_store(database_url: str) -> Store:
    """The store behind a URL, not yet open. Raises ConfigurationError for a URL it cannot use."""
    from tenure.store.postgres import PostgresStore
    from tenure.store.sqlite import SqliteStore

    try:
        url = sa.make_url(database_url)
    except sa.exc.ArgumentError:
        raise ConfigurationError(
            "database_url is not a URL, expected sqlite:///FILE or postgresql://HOST/NAME"
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return SqliteStore(url)
    if backend in ("postgresql", "postgres"):
        return PostgresStore(url)
    raise ConfigurationError(
        f"database_url: {backend} is not supported, use sqlite:///FILE or postgresql://HOST/NAME"
    )
