"""The churning table is cleared when enough jobs have finished."""

from __future__ import annotations

import pytest

from tenure.background.duty import Ticked
from tenure.background.tidier import Tidier
from tenure.coordinator.coordinator import Coordinator
from tenure.settings import Settings
from tenure.store.unit import Unit

pytestmark = pytest.mark.anyio


async def test_it_tidies_after_enough_jobs_and_counts_anew(database_url: str) -> None:
    here = Coordinator(Settings(database_url=database_url))
    await here.start()
    tidied: list[int] = []

    async def tidy() -> None:
        await here.store.tidy()
        tidied.append(1)

    tidier = Tidier(tidy)

    def finish(unit: Unit) -> None:
        unit.finished += ["a"] * 4_999

    here.on_commit(tidier.committed)
    await here.committer.run(finish)
    assert (await tidier.tick(0), tidied) == (Ticked(), [])
    await here.committer.run(lambda unit: unit.finished.append("b"))
    assert (await tidier.tick(0), tidied) == (Ticked(5_000), [1])
    assert (await tidier.tick(0), tidied) == (Ticked(), [1])
    await here.stop()
