"""SQLite: WAL, `synchronous=FULL`, one writer thread, readers, one coordinator a file."""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from tenure.domain import clock
from tenure.domain.errors import ConfigurationError
from tenure.store import migrate
from tenure.store.dialect import SQLITE
from tenure.store.engine import Body, Result, Store, run_transaction
from tenure.store.unit import Unit

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # NORMAL loses acknowledged rows when the power goes
    "foreign_keys=ON",
    "busy_timeout=5000",
    "temp_store=MEMORY",
    "wal_autocheckpoint=2000",
    "journal_size_limit=67108864",
)
_WRITER = ("cache_size=-32768",)
_READER = ("query_only=ON", "cache_size=-4096")
_Job = tuple[Body[Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


def _configure(read_only: bool) -> Callable[[Any, Any], None]:
    def connected(connection: Any, _record: Any) -> None:
        # Own BEGIN: the driver's default loses updates silently.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*_PRAGMAS, *(_READER if read_only else _WRITER)):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return connected


def _begin(statement: str) -> Callable[[sa.Connection], None]:
    def begin(conn: sa.Connection) -> None:
        conn.exec_driver_sql(statement)

    return begin


def writer_engine(path: Path) -> sa.Engine:
    """A sync engine whose transactions start with BEGIN IMMEDIATE. One connection."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), pool_size=1, max_overflow=0
    )
    sa.event.listen(engine, "connect", _configure(read_only=False))
    sa.event.listen(engine, "begin", _begin("BEGIN IMMEDIATE"))
    return engine


class SqliteStore(Store):
    """See the module. `open` refuses a file another coordinator holds."""

    dialect = SQLITE
    writers = 1

    def __init__(self, url: sa.URL) -> None:
        super().__init__(url)
        if not url.database or url.database == ":memory:":
            raise ConfigurationError("database_url: SQLite needs a file, like sqlite:///tenure.db")
        self.path = Path(url.database).resolve()  # one lock, whatever the name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock: int | None = None

    @property
    def check_url(self) -> sa.URL:
        return sa.URL.create(
            "sqlite+aiosqlite",
            database=f"file:{self.path}",
            query={"mode": "ro", "uri": "true"},
        )

    @property
    def directory(self) -> Path:
        return self.path.parent

    async def open(self) -> None:
        self._take_lock()
        try:
            self._create_file()
            await asyncio.to_thread(self._migrate)
        except BaseException:
            self._release_lock()
            raise
        readers = create_async_engine(
            sa.URL.create("sqlite+aiosqlite", database=str(self.path)),
            pool_size=4,
            max_overflow=0,
            poolclass=AsyncAdaptedQueuePool,
        )
        sa.event.listen(readers.sync_engine, "connect", _configure(read_only=True))
        sa.event.listen(readers.sync_engine, "begin", _begin("BEGIN"))
        self._readers = readers
        self._thread = threading.Thread(target=self._work, name="tenure-writer", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        await self._close_readers()
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        self._release_lock()

    async def write(self, body: Body[Result]) -> Result:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._jobs.put((body, future, loop))
        return await future

    async def clock_offset(self, monotonic: Callable[[], int]) -> tuple[int, int]:
        before = monotonic()
        wall = clock.wall_now()
        return wall - before, monotonic() - before

    def announce(self, conn: sa.Connection, unit: Unit) -> None:
        """Nobody to tell: one coordinator a file."""

    async def tidy(self) -> None:
        """Nothing to clear: SQLite reuses the room of deleted rows at once."""

    async def listen(self, heard: Callable[[str], None]) -> None:
        await asyncio.Event().wait()

    def _work(self) -> None:
        """The writer thread: a whole transaction in one hop, nothing can cancel it half-way."""
        engine = writer_engine(self.path)
        conn: sa.Connection | None = None
        while (job := self._jobs.get()) is not None:
            body, future, loop = job
            try:
                if conn is None or conn.closed or conn.invalidated:
                    conn = engine.connect()
                result = run_transaction(conn, body)
            except BaseException as error:
                loop.call_soon_threadsafe(_fail, future, error)
            else:
                loop.call_soon_threadsafe(_answer, future, result)
            del job, body, future
        if conn is not None:
            conn.close()
        engine.dispose()

    def _migrate(self) -> None:
        engine = writer_engine(self.path)
        try:
            with engine.connect() as conn:
                migrate.upgrade_connection(conn)
        except sa.exc.DatabaseError as error:
            raise ConfigurationError(f"cannot use {self.path}: {error.orig}") from None
        finally:
            engine.dispose()

    def _create_file(self) -> None:
        """0600 from the first byte; SQLite gives -wal and -shm the same mode."""
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self.path.chmod(0o600)
        except OSError as error:
            raise ConfigurationError(f"cannot open {self.path}: {error.strerror}") from None

    def _take_lock(self) -> None:
        name = self.path.with_name(self.path.name + ".lock")
        try:
            self._lock = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"cannot open {name}: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._release_lock()
            raise ConfigurationError(
                f"another coordinator uses {self.path}; SQLite takes one coordinator a file, "
                "PostgreSQL takes several"
            ) from None

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _answer(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
