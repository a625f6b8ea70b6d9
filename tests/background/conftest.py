"""A rig on an empty store, on SQLite and on PostgreSQL in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tenure.store.engine import open_store
from tests.background.rig import Rig


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    """Started; its clock stands still until the test moves it."""
    store = open_store(database_url)
    await store.open()
    made = Rig(store)
    made.committer.start()
    yield made
    await made.committer.stop()
    await store.close()
