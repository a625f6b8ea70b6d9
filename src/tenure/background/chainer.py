"""Chains the lines of the audit."""

from __future__ import annotations

from tenure.background.duty import Ticked
from tenure.store.audit import CHAIN_AT_ONCE, chain
from tenure.store.committer import Committer


class Chainer:
    """Gives committed lines of the audit their places and digests; woken when there are some.

    Several coordinators take turns at the head of the chain.
    """

    name = "chainer"
    interval = 30.0

    def __init__(self, committer: Committer) -> None:
        self._committer = committer

    async def tick(self, now: int) -> Ticked:
        """Chain what is there."""
        done = await self._committer.run(chain)
        return Ticked(done, more=done == CHAIN_AT_ONCE)
