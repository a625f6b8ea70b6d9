"""All duties of a coordinator, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from loguru import logger

from tenure.background.chainer import Chainer
from tenure.background.clockwork import ClockSource, Clockwork
from tenure.background.courier import Courier
from tenure.background.lookout import Lookout
from tenure.background.loop import Loop
from tenure.background.operator import Operator
from tenure.background.promoter import Promoter
from tenure.background.pruner import Pruner
from tenure.background.pulse import Pulse
from tenure.background.reaper import Reaper
from tenure.background.snapshot import Refreshed, Snapshot
from tenure.background.supervisor import Supervisor
from tenure.background.sweeper import Sweeper
from tenure.background.ticker import Ticker
from tenure.background.tidier import Tidier
from tenure.domain.clock import Clock
from tenure.domain.errors import TenureError
from tenure.domain.lease import LeaseTerms
from tenure.domain.steadiness import Steadiness
from tenure.notify.channel import Channel
from tenure.settings import Settings
from tenure.store.committer import Committer
from tenure.store.reader import Reader
from tenure.store.unit import Unit


class OpenStore(ClockSource, Protocol):
    """What the duties need of the store itself."""

    async def tidy(self) -> None:
        """Clear dead rows off the churning table."""


class Duties:
    """Builds the duties and keeps them running. Use from one event loop.

    `committed` is for the committer's hook: call it with the unit of every commit. `counted` is
    told, several times a lease, how many coordinators of this store live. `ways` are the channels
    by kind, `delivered` is told the result of each attempt to deliver. `timed` is told the name
    of a duty and how many seconds a tick of it took.
    """

    def __init__(
        self,
        *,
        committer: Committer,
        reader: Reader,
        source: OpenStore,
        clock: Clock,
        terms: LeaseTerms,
        settings: Settings,
        random: Callable[[], float],
        insight: Refreshed,
        counted: Callable[[int], None],
        look_again: Callable[[], Awaitable[None]],
        ways: Mapping[str, Channel],
        delivered: Callable[[str], None],
        timed: Callable[[str, float], None] | None = None,
    ) -> None:
        loop = partial(Loop, clock=clock, random=random, observe=timed)
        self._clock = clock
        self.steadiness = Steadiness(terms, clock.monotonic())
        self._pulse = Pulse(committer, terms, counted)
        self._tidier = Tidier(source.tidy)
        self._promoting = loop(Promoter(committer, reader))
        self._operating = loop(Operator(committer, reader, clock))
        self._ticking = loop(Ticker(committer, reader))
        self._chaining = loop(Chainer(committer))
        self._courier = Courier(committer, reader, clock, ways, random, delivered)
        self._telling = loop(self._courier)
        others = (
            Clockwork(source, clock, self.steadiness, committer, terms),
            self._pulse,
            _sweeper(committer, self.steadiness, clock, settings, random),
            Reaper(committer, self.steadiness, clock, terms),
            Pruner(committer, reader, clock, settings.retention),
            Snapshot(insight),
            Lookout(look_again),
            self._tidier,
        )
        woken = self._promoting, self._operating, self._ticking, self._chaining, self._telling
        self.supervisor = Supervisor([*woken, *map(loop, others)])

    def committed(self, unit: Unit) -> None:
        """A transaction was committed."""
        self.steadiness.committed(self._clock.monotonic())
        self._tidier.committed(unit)
        if unit.due is not None:
            self._promoting.wake_at(unit.due)
        if unit.fires_due is not None:
            self._ticking.wake_at(unit.fires_due)
        if unit.audited:
            self._chaining.wake()
        if unit.happened:
            self._telling.wake()

    def message_waits(self) -> None:
        """There is something to deliver, or another rule."""
        self._telling.wake()

    def operation_begun(self) -> None:
        """There is an operation to carry out."""
        self._operating.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The duties run inside this block; the committer must outlive it."""
        self._courier.on_freed(self._telling.wake)
        async with self.supervisor.running():
            yield
        await self._courier.close()
        try:
            await self._pulse.leave()
        except TenureError as error:
            logger.bind(error=error.detail).warning("could not say that this coordinator stops")

    def beating(self) -> dict[str, bool]:
        """Whether each duty, by name, ticked well lately."""
        return self.supervisor.beating(self._clock.monotonic())


def _sweeper(
    committer: Committer,
    steadiness: Steadiness,
    clock: Clock,
    settings: Settings,
    random: Callable[[], float],
) -> Sweeper:
    return Sweeper(
        committer,
        steadiness,
        clock,
        interval=settings.sweep_every.total_seconds(),
        max_lost=settings.max_lost,
        random=random,
    )
