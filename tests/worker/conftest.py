"""A real coordinator for the worker's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.protocol import Protocol, protocol
from tests.worker.running import Running


@pytest.fixture
def coordinator(tmp_path: Path) -> Iterator[Running]:
    """On SQLite, in a thread with a loop of its own, so that a test may block its own loop."""
    with Running(tmp_path) as running:
        yield running


@pytest.fixture
def scripted() -> Iterator[Protocol]:
    """A coordinator that answers as the test says."""
    with protocol() as made:
        yield made
