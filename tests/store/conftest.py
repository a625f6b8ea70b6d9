"""The store as its verbs see it, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import PostgresServer
from tests.store.opened import OpenedStore, PostgresStore, open_store


@pytest.fixture
def store(database_url: str) -> Iterator[OpenedStore]:
    """An empty store, on SQLite and on PostgreSQL in turn."""
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def postgres_store(postgres_server: PostgresServer) -> Iterator[PostgresStore]:
    """An empty store on PostgreSQL, for what only two open transactions can show."""
    name = postgres_server.create()
    opened = PostgresStore(postgres_server.url(name))
    yield opened
    opened.close()
    postgres_server.drop(name)
