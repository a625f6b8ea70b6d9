"""A look into a database from outside: nothing is created, nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tenure.domain import clock
from tenure.domain.errors import ConfigurationError
from tenure.store.engine import open_store
from tenure.store.unit import Unit

Result = TypeVar("Result")


def visit(database_url: str, look: Callable[[Unit], Result]) -> Result:
    """What `look` finds in the database as it is, in one transaction; a coordinator may be at work.

    Raises ConfigurationError when it cannot be read, and what `look` raises.
    """
    store = open_store(database_url)

    def body(conn: sa.Connection) -> Result:
        return look(Unit(conn, store.dialect, clock.wall_now(), ""))

    url = store.check_url
    try:
        if url.get_backend_name() == "sqlite":  # a thread of aiosqlite would outlive the loop
            return _here(url.set(drivername="sqlite"), body)
        return asyncio.run(_there(url, body))
    except (DBAPIError, OSError) as error:
        text = (str(getattr(error, "orig", None) or error).splitlines() or ["no answer"])[0]
        raise ConfigurationError(f"cannot read the database: {text}") from None


def _here(url: sa.URL, body: Callable[[sa.Connection], Result]) -> Result:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as conn:
        return body(conn)


async def _there(url: sa.URL, body: Callable[[sa.Connection], Result]) -> Result:
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url)
    try:
        async with engine.connect() as conn:
            return await conn.run_sync(body)
    finally:
        await engine.dispose()
