"""Somebody who listens."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.notify.receiver import Receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of webhooks that answers 200."""
    made = Receiver()
    await made.start()
    yield made
    await made.stop()
