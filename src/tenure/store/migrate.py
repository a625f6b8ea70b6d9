"""Schema migrations: Alembic revisions shipped in the package, run at start."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tenure.domain.errors import ConfigurationError

_ADVISORY_LOCK = 7_391_406_172


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "tenure.store:migrations")
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """The newest revision this version knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current(conn: sa.Connection) -> str | None:
    """The revision of a database, None for an empty one."""
    return MigrationContext.configure(conn).get_current_revision()


def upgrade_connection(conn: sa.Connection) -> None:
    """Migrate to `head` in one transaction. Several coordinators may start at once: they wait
    for each other on an advisory lock (PostgreSQL) or the write lock (SQLite).

    Raises ConfigurationError when the database is newer than this version.
    """
    with conn.begin():
        if conn.dialect.name == "postgresql":
            # Another one may migrate for longer than a transaction of work ever waits.
            conn.execute(sa.text("SET LOCAL lock_timeout = '30s'"))
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        revision = current(conn)
        if revision == head():
            return
        _refuse_newer(revision)
        config = _config()
        config.attributes["connection"] = conn
        command.upgrade(config, "head")


def _refuse_newer(revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise ConfigurationError(
            f"the database is at revision {revision}, which this version does not know: "
            "run a newer version of tenure"
        )


def upgrade(database_url: str) -> None:
    """Create and migrate the database behind a URL. Raises ConfigurationError."""
    asyncio.run(_upgrade(database_url))


async def _upgrade(database_url: str) -> None:
    from tenure.store.engine import open_store

    store = open_store(database_url)
    try:
        await store.open()
    finally:
        await store.close()


def check(database_url: str) -> bool:
    """Whether the database is at `head`. Changes nothing. Raises ConfigurationError."""
    from tenure.store.visiting import visit

    return visit(database_url, lambda unit: current(unit.conn) == head())
