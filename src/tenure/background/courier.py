"""Tells those who want to know: from the outbox over the rules to the channels."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from loguru import logger

from tenure.background.duty import Ticked
from tenure.domain.clock import Clock
from tenure.domain.errors import TenureError
from tenure.domain.notification import Answer, DeliveryState
from tenure.notify.channel import Channel, Letter, failed
from tenure.store import channels, deliveries, matching, rules
from tenure.store.committer import Committer
from tenure.store.deliveries import Claimed
from tenure.store.reader import Reader
from tenure.store.unit import Unit

MOST_AT_ONCE = 32
"""Attempts under way in one coordinator."""
MOST_OF_CHANNEL = 8
"""... over one channel: receivers that do not answer keep nobody else waiting."""


class Courier:
    """Looks once a second, and as soon as something was posted.

    A tick learns which topics are watched, matches what is in the outbox, and begins to send what
    is due; it waits for no receiver. `counted` is told the result of each attempt.
    """

    name = "courier"
    interval = 1.0

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        clock: Clock,
        ways: Mapping[str, Channel],
        random: Callable[[], float],
        counted: Callable[[str], None],
    ) -> None:
        self._committer = committer
        self._reader = reader
        self._clock = clock
        self._ways = ways
        self._random = random
        self._counted = counted
        self._sending: set[asyncio.Task[None]] = set()
        self._under_way: Counter[str] = Counter()
        self._freed: Callable[[], None] | None = None

    def on_freed(self, tell: Callable[[], None]) -> None:
        """Call `tell` when a channel that had as many attempts under way as it may has one less."""
        self._freed = tell

    async def tick(self, now: int) -> Ticked:
        """Match up to 500 events, begin up to 8 attempts."""
        self._committer.watched = await self._reader.run(rules.watched)
        matched = 0
        if await self._reader.run(matching.waits):
            matched = await self._committer.run(matching.match)
        begun, due = await self._begin()
        more = matched == matching.MATCH_AT_ONCE
        return Ticked(matched + begun, more=more, next_at=due)

    async def _begin(self) -> tuple[int, int | None]:
        busy = [id_ for id_, number in self._under_way.items() if number >= MOST_OF_CHANNEL]
        due = await self._reader.run(lambda unit: deliveries.next_due(unit, busy))
        if due is None or due > self._clock.now():
            return 0, due
        if len(self._sending) >= MOST_AT_ONCE:
            await asyncio.wait(
                self._sending, timeout=self.interval, return_when=asyncio.FIRST_COMPLETED
            )
        room = min(MOST_AT_ONCE - len(self._sending), MOST_OF_CHANNEL)
        claimed = await self._committer.run(lambda unit: deliveries.claim(unit, room, busy))
        for one in claimed:
            self._under_way[one.channel_id] += 1
            task = asyncio.create_task(self._send(one))
            self._sending.add(task)
            task.add_done_callback(partial(self._ended, one.channel_id))
        return len(claimed), due if len(claimed) == room else None

    def _ended(self, channel_id: str, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._under_way[channel_id] -= 1
        left = self._under_way[channel_id]
        if not left:
            del self._under_way[channel_id]
        if left == MOST_OF_CHANNEL - 1 and self._freed is not None:
            self._freed()

    async def _send(self, claimed: Claimed) -> None:
        now = self._clock.now()
        try:
            answer = await self._ways[claimed.kind].send(_letter(claimed, now), now)
        except Exception as error:
            logger.bind(delivery=claimed.id).exception("a channel failed")
            answer = failed(error)
        try:
            state = await self._committer.run(lambda unit: self._conclude(unit, claimed, answer))
        except TenureError as error:
            # It stays claimed for a while, and is then sent again.
            logger.bind(error=error.detail).warning("a delivery could not be noted")
            return
        self._counted("retried" if state is DeliveryState.PENDING else state.value)

    def _conclude(self, unit: Unit, claimed: Claimed, answer: Answer) -> DeliveryState:
        state = deliveries.conclude(unit, claimed, answer, self._random())
        if answer.gone:
            channels.disable(unit, claimed.channel_id, "the receiver answered 410 Gone")
        return state

    async def settled(self) -> None:
        """Wait until every attempt that was begun has ended."""
        while self._sending:
            await asyncio.wait(self._sending)

    async def close(self) -> None:
        """Give up the attempts under way; whoever claims them next sends them again."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)


def _letter(claimed: Claimed, now: int) -> Letter:
    until = claimed.old_secret_until
    old = claimed.old_secret if until is not None and now < until else None
    signing = tuple(secret for secret in (claimed.secret, old) if secret is not None)
    return Letter(claimed.id, claimed.body, claimed.target, signing)
