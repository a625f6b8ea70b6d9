"""Workers, handlers and numbers in both clients. The routes are imported when they are used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from tenure.client.call import AsyncRunner, Runner

if TYPE_CHECKING:
    from tenure.wire.system import Autoscale, Handler, Series, Stats
    from tenure.wire.workers import Worker


class FleetMethods(Runner):
    """The part of `Client` about workers and numbers."""

    def workers(self) -> Sequence[Worker]:
        """The workers the coordinator knows."""
        from tenure.client import fleet_routes

        return self.run(fleet_routes.workers())

    def worker(self, worker_id: str) -> Worker:
        """One worker. Raises WorkerNotFound."""
        from tenure.client import fleet_routes

        return self.run(fleet_routes.worker(worker_id))

    def drain(self, worker_id: str) -> Worker:
        """Ask a worker to take no more jobs, to finish what it runs and to leave."""
        from tenure.client import fleet_routes

        return self.run(fleet_routes.drain(worker_id))

    def handlers(self) -> Sequence[Handler]:
        """Every type that a worker offers, or whose jobs ended within the last hour, by name; with
        the schema of its payload."""
        from tenure.client import fleet_routes

        return self.run(fleet_routes.handlers())

    def stats(self) -> Stats:
        """Counts, totals and delays of the whole store; not newer than its `as_of`."""
        from tenure.client import fleet_routes

        return self.run(fleet_routes.stats())

    def series(
        self,
        last: timedelta | float = 3_600,
        *,
        queue: str | None = None,
        type: str | None = None,  # noqa: A002
    ) -> Series:
        """Numbers over time, of one queue or type if named.

        `last`: a timedelta or seconds: 15 minutes, 1, 6 or 24 hours, or 7 days, else raises
        InvalidInput.
        """
        from tenure.client import fleet_routes

        return self.run(fleet_routes.series(last, queue, type))

    def autoscale(self, queue: str = "default") -> Autoscale:
        """The demand of one queue, for an autoscaler of its workers."""
        from tenure.client import fleet_routes

        return self.run(fleet_routes.autoscale(queue))


class AsyncFleetMethods(AsyncRunner):
    """The part of `AsyncClient` about workers and numbers."""

    async def workers(self) -> Sequence[Worker]:
        """See `Client.workers`."""
        from tenure.client import fleet_routes

        return await self.run(fleet_routes.workers())

    async def worker(self, worker_id: str) -> Worker:
        """See `Client.worker`."""
        from tenure.client import fleet_routes

        return await self.run(fleet_routes.worker(worker_id))

    async def drain(self, worker_id: str) -> Worker:
        """See `Client.drain`."""
        from tenure.client import fleet_routes

        return await self.run(fleet_routes.drain(worker_id))

    async def handlers(self) -> Sequence[Handler]:
        """See `Client.handlers`."""
        from tenure.client import fleet_routes

        return await self.run(fleet_routes.handlers())

    async def stats(self) -> Stats:
        """See `Client.stats`."""
        from tenure.client import fleet_routes

        return await self.run(fleet_routes.stats())

    async def series(
        self,
        last: timedelta | float = 3_600,
        *,
        queue: str | None = None,
        type: str | None = None,  # noqa: A002
    ) -> Series:
        """See `Client.series`."""
        from tenure.client import fleet_routes

        return await self.run(fleet_routes.series(last, queue, type))

    async def autoscale(self, queue: str = "default") -> Autoscale:
        """See `Client.autoscale`."""
        from tenure.client import fleet_routes

        return await self.run(fleet_routes.autoscale(queue))
