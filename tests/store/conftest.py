"""The store as its verbs see it, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer
from tests.store.opened import OpenedStore, PostgresStore, SqliteStore


@pytest.fixture(scope="session")
def shared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """The SQLite store of all tests; `store` empties it for each."""
    directory: Path = tmp_path_factory.mktemp("store")
    opened = SqliteStore(f"sqlite:///{directory}/tenure.db")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_postgres(postgres_server: PostgresServer) -> Iterator[PostgresStore]:
    """The PostgreSQL store of all tests; `store` empties it for each."""
    name = postgres_server.create()
    opened = PostgresStore(postgres_server.url(name))
    yield opened
    opened.close()
    postgres_server.drop(name)


@pytest.fixture
def store(store_kind: str, request: pytest.FixtureRequest) -> OpenedStore:
    """An empty store, on SQLite and on PostgreSQL in turn."""
    opened: OpenedStore = request.getfixturevalue(f"shared_{store_kind}")
    opened.empty()
    return opened


@pytest.fixture
def postgres_store(shared_postgres: PostgresStore) -> PostgresStore:
    """An empty store on PostgreSQL, for what only two open transactions can show."""
    shared_postgres.empty()
    return shared_postgres
