"""A coordinator on an empty store, on SQLite and on PostgreSQL in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tenure.coordinator.coordinator import Coordinator
from tenure.settings import Settings
from tests.store.opened import OpenedStore, open_store


@pytest.fixture
async def coordinator(database_url: str) -> AsyncIterator[Coordinator]:
    """Started, without duties."""
    running = Coordinator(Settings(database_url=database_url))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def store(database_url: str) -> Iterator[OpenedStore]:
    """An empty store whose clock the test moves."""
    opened = open_store(database_url)
    yield opened
    opened.close()
