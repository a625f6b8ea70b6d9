"""Lines of the audit are chained soon after they are committed."""

from __future__ import annotations

import asyncio

import pytest

from tenure.background.chainer import Chainer
from tenure.background.duty import Ticked
from tenure.domain.audit import Head, breaks
from tenure.store.audit import CHAIN_AT_ONCE, Entry, audit, head, links
from tests.background.test_duties import Running

pytestmark = pytest.mark.anyio


async def test_it_chains_what_is_there_and_asks_for_more(database_url: str) -> None:
    running = Running(database_url)
    here = running.here
    await here.start()
    chainer = Chainer(here.committer)
    assert await chainer.tick(0) == Ticked(0)
    many = [Entry("job.delete", target_id=str(n)) for n in range(CHAIN_AT_ONCE + 3)]
    await here.committer.run(lambda unit: audit(unit, many))
    assert await chainer.tick(0) == Ticked(CHAIN_AT_ONCE, more=True)
    assert await chainer.tick(0) == Ticked(3)
    lines = await here.reader.run(lambda unit: links(unit, 0, 10_000))
    assert (len(lines), breaks(Head(), lines)) == (CHAIN_AT_ONCE + 3, [])
    await here.stop()


async def test_a_commit_with_a_line_wakes_it(database_url: str) -> None:
    running = Running(database_url)
    here = running.here
    async with running.running():
        for number in range(1, 4):
            await here.committer.run(lambda unit: audit(unit, [Entry("job.delete")]))
            async with asyncio.timeout(20):
                while (await here.reader.run(head)).place < number:
                    await asyncio.sleep(0.005)
