"""PostgreSQL through asyncpg: several coordinators on one database, told of work by NOTIFY."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tenure.domain.errors import ConfigurationError, Unavailable
from tenure.store import migrate
from tenure.store.dialect import POSTGRES
from tenure.store.engine import Body, Result, Store, run_transaction
from tenure.store.unit import Unit

_SETTINGS = {
    "application_name": "tenure",
    "timezone": "UTC",
    "jit": "off",
    "lock_timeout": "2000",
    "statement_timeout": "30000",
    "idle_in_transaction_session_timeout": "5000",
}
CHANNEL = "tenure"
_RECONNECT_SECONDS = 1.0


def _driver_url(url: sa.URL) -> sa.URL:
    query = dict(url.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return url.set(drivername="postgresql+asyncpg", query=query)


class PostgresStore(Store):
    """See the module. `open` creates the database when the server has none of that name."""

    dialect = POSTGRES
    writers = 2

    def __init__(self, url: sa.URL) -> None:
        super().__init__(_driver_url(url))
        if not url.database:
            raise ConfigurationError("database_url: PostgreSQL needs a database name")
        try:
            import asyncpg  # noqa: F401
        except ImportError:
            raise ConfigurationError(
                "PostgreSQL needs asyncpg: pip install 'tenure[postgres]'"
            ) from None
        self._writer: AsyncEngine | None = None

    @property
    def check_url(self) -> sa.URL:
        return self.url

    def _engine(self, pool_size: int, **settings: str) -> AsyncEngine:
        return create_async_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            connect_args={
                "server_settings": _SETTINGS | settings,
                "timeout": 5,
                "command_timeout": 35,
            },
        )

    @property
    def directory(self) -> Path:
        return Path.cwd()

    async def open(self) -> None:
        await self._create_database()
        # By index alone: a bitmap scan reads the entries of finished jobs and marks none dead.
        self._writer = self._engine(self.writers, enable_seqscan="off", enable_bitmapscan="off")
        self._readers = self._engine(6, default_transaction_read_only="on")
        try:
            async with self._writer.connect() as conn:
                await conn.run_sync(migrate.upgrade_connection)
        except (OSError, sa.exc.DBAPIError) as error:
            await self.close()
            raise ConfigurationError(f"cannot use the database: {_plain(error)}") from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        await self._close_readers()
        if self._writer is not None:
            await self._writer.dispose()
            self._writer = None

    async def write(self, body: Body[Result]) -> Result:
        if self._writer is None:
            raise ConfigurationError("the store is not open")
        async with self._writer.connect() as conn:
            return await conn.run_sync(run_transaction, body)

    async def clock_offset(self, monotonic: Callable[[], int]) -> tuple[int, int]:
        before = monotonic()
        try:
            seconds = await self.read(lambda conn: conn.execute(_CLOCK).scalar_one())
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise Unavailable("the store is away", retry_after=1.0) from error
        after = monotonic()
        return int(seconds) - (before + after) // 2, after - before

    def announce(self, conn: sa.Connection, unit: Unit) -> None:
        queues = {queue for (queue, _), number in unit.ready.items() if number > 0}
        queues |= {queue for queue, number in unit.freed.items() if number > 0}
        words = [f"q:{queue}" for queue in sorted(queues)]
        words += [f"w:{worker_id}" for worker_id in sorted(unit.woken)]
        for word in words:
            conn.execute(_NOTIFY, {"channel": CHANNEL, "word": word})

    async def tidy(self) -> None:
        import asyncpg

        try:
            conn = await self._raw_connection(self.url.database)
            try:
                await conn.execute("VACUUM (ANALYZE, TRUNCATE false) active_jobs", timeout=30)
            finally:
                conn.terminate()
        except (OSError, asyncpg.PostgresError) as error:
            raise Unavailable(f"cannot vacuum: {_plain(error)}", retry_after=1.0) from None

    async def listen(self, heard: Callable[[str], None]) -> None:
        import asyncpg

        while True:
            lost = asyncio.Event()
            try:
                conn = await self._raw_connection(self.url.database)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(_RECONNECT_SECONDS)
                continue
            try:
                conn.add_termination_listener(lambda *_, gone=lost: gone.set())
                await conn.add_listener(CHANNEL, lambda *told: heard(told[3]))
                await lost.wait()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                lost.set()
            finally:
                conn.terminate()

    async def _raw_connection(self, database: str | None) -> Any:
        import asyncpg

        url = self.url.set(drivername="postgresql", database=database)
        return await asyncpg.connect(
            url.render_as_string(hide_password=False).replace("ssl=", "sslmode="), timeout=5
        )

    async def _create_database(self) -> None:
        import asyncpg

        try:
            conn = await self._raw_connection(self.url.database)
        except asyncpg.InvalidCatalogNameError:
            await self._create_missing()
        except (OSError, asyncpg.PostgresError, ValueError) as error:
            raise ConfigurationError(f"cannot reach the database: {_plain(error)}") from None
        else:
            await conn.close()

    async def _create_missing(self) -> None:
        import asyncpg

        try:
            conn = await self._raw_connection("postgres")
            try:
                name = str(self.url.database).replace('"', '""')
                await conn.execute(f'CREATE DATABASE "{name}"')
            except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                return  # another coordinator was faster
            finally:
                await conn.close()
        except (OSError, asyncpg.PostgresError) as error:
            raise ConfigurationError(
                f"cannot create the database {self.url.database}: {_plain(error)}"
            ) from None


def _plain(error: BaseException) -> str:
    """The first line of an error, without its SQL."""
    original = getattr(error, "orig", None) or error
    return (str(original).splitlines() or [type(original).__name__])[0]


_CLOCK = sa.text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")
_NOTIFY = sa.text("SELECT pg_notify(:channel, :word)")
