"""Callers in line: who is taken into a transaction, who stays, and heartbeats that go together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tenure.store import committer
from tenure.store.engine import open_store
from tenure.store.renewals import Beat
from tenure.store.waiting import Kind, Waiting
from tests.builders import WORKER
from tests.store.merging import Merging

pytestmark = pytest.mark.anyio


def _kind(*weights: int, most: int = 10, **options: Any) -> Kind:
    kind = Kind("submit", lambda unit, items: items, most, **options)
    loop = asyncio.get_running_loop()
    for place, weight in enumerate(weights):
        kind.waiting.append(Waiting(f"{place}", weight, loop.create_future()))
    return kind


def _items(taken: list[Waiting]) -> list[str]:
    return [waiting.item for waiting in taken]


async def test_a_transaction_takes_what_its_weight_allows_in_order() -> None:
    kind = _kind(4, 6, 1)
    assert _items(kind.take()) == ["0", "1"]
    assert _items(kind.take()) == ["2"]
    assert kind.take() == []


async def test_one_that_is_too_heavy_goes_alone() -> None:
    kind = _kind(50, 1)
    assert _items(kind.take()) == ["0"]
    assert _items(kind.take()) == ["1"]


async def test_who_has_left_is_passed_over() -> None:
    kind = _kind(1, 1)
    kind.waiting[0].answer.cancel()
    assert _items(kind.take()) == ["1"]


async def test_what_must_be_apart_waits_for_the_one_that_runs() -> None:
    kind = _kind(1, 1, 1, most=1, apart=lambda item: "even" if int(item) % 2 == 0 else "odd")
    first = kind.take()
    assert _items(first) == ["0"]
    assert _items(kind.take()) == ["1"]
    assert kind.take() == []
    kind.done(first)
    assert _items(kind.take()) == ["2"]


@pytest.fixture
async def merging(tmp_path: Path) -> AsyncIterator[Merging]:
    store = open_store(f"sqlite:///{tmp_path}/tenure.db")
    await store.open()
    found = Merging(store)
    found.committer.start()
    await found.register()
    found.units.clear()
    yield found
    await found.committer.stop()
    await store.close()


async def test_heartbeats_of_idle_workers_go_along_with_others(
    merging: Merging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "GATHER_SECONDS", 3600)
    beats = [asyncio.create_task(merging.committer.renew(Beat(WORKER, {}))) for _ in range(5)]
    await asyncio.sleep(0.02)
    assert merging.units == []
    await merging.submit(1)
    assert [beaten.lost for beaten in await asyncio.gather(*beats)] == [[]] * 5
    assert len(merging.units) == 1


async def test_and_go_by_themselves_when_nothing_else_does(merging: Merging) -> None:
    async with asyncio.timeout(10):
        await merging.committer.renew(Beat(WORKER, {}))
        await merging.committer.renew(Beat(WORKER, {}))
    assert len(merging.units) == 2


@pytest.mark.parametrize(
    "beat",
    [Beat(WORKER, {(WORKER, 1): (None, None)}), Beat(WORKER, {}, draining=True)],
    ids=["leases", "draining"],
)
async def test_others_never_wait(
    merging: Merging, monkeypatch: pytest.MonkeyPatch, beat: Beat
) -> None:
    monkeypatch.setattr(committer, "GATHER_SECONDS", 3600)
    async with asyncio.timeout(10):
        await merging.committer.renew(beat)
