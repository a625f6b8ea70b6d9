"""Bulk operations and dead letters in both clients. The routes are imported when they are used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

from tenure.client.call import AsyncRunner, Runner

if TYPE_CHECKING:
    from tenure.wire.deadletters import DeadLetterGroups, DeadLetters
    from tenure.wire.operations import Operation, Preview


class OperationFields(TypedDict, total=False):
    """What more an operation takes: `queue` goes with requeue, `priority` with priority, `canary`
    with retry (one job first, the others when it completed)."""

    reason: str
    queue: str
    priority: int
    canary: bool


class OperationMethods(Runner):
    """The part of `Client` about bulk operations and dead letters."""

    def begin(
        self,
        action: str,
        filter: str,  # noqa: A002
        **options: Unpack[OperationFields],
    ) -> Operation:
        """Do one thing to every job that a filter shows: cancel, retry, delete, requeue or
        priority. Returns at once; the coordinator works through them (`operation`).

        Raises InvalidInput pointing at what is wrong with the filter.
        """
        from tenure.client import operation_routes

        return self.run(operation_routes.begin(action, filter, options))

    def preview(
        self,
        action: str,
        filter: str,  # noqa: A002
        **options: Unpack[OperationFields],
    ) -> Preview:
        """What `begin` with the same arguments would meet, counted but not touched."""
        from tenure.client import operation_routes

        return self.run(operation_routes.preview(action, filter, options))

    def operation(self, operation_id: str) -> Operation:
        """How far an operation is. Raises OperationNotFound."""
        from tenure.client import operation_routes

        return self.run(operation_routes.operation(operation_id))

    def operations(self, limit: int | None = None) -> Sequence[Operation]:
        """The newest operations, at most `limit` (50)."""
        from tenure.client import operation_routes

        return self.run(operation_routes.operations(limit))

    def abort(self, operation_id: str, reason: str | None = None) -> Operation:
        """Do no more of an operation; what was done stays done.

        Raises OperationNotFound, IllegalTransition when it has ended.
        """
        from tenure.client import operation_routes

        return self.run(operation_routes.abort(operation_id, reason))

    def dead_letters(self, q: str | None = None, limit: int | None = None) -> DeadLetterGroups:
        """Failed jobs grouped by their error, the largest of `limit` (50) groups first.

        `q`: a filter. Run them again with `begin("retry", "fingerprint:...")`.
        """
        from tenure.client import operation_routes

        return self.run(operation_routes.dead_letters(q, limit))

    def dead_letter_group(self, fingerprint: str) -> DeadLetters:
        """Failed jobs of one fingerprint. Raises NotFound."""
        from tenure.client import operation_routes

        return self.run(operation_routes.dead_letter_group(fingerprint))


class AsyncOperationMethods(AsyncRunner):
    """The part of `AsyncClient` about bulk operations and dead letters."""

    async def begin(
        self,
        action: str,
        filter: str,  # noqa: A002
        **options: Unpack[OperationFields],
    ) -> Operation:
        """See `Client.begin`."""
        from tenure.client import operation_routes

        return await self.run(operation_routes.begin(action, filter, options))

    async def preview(
        self,
        action: str,
        filter: str,  # noqa: A002
        **options: Unpack[OperationFields],
    ) -> Preview:
        """See `Client.preview`."""
        from tenure.client import operation_routes

        return await self.run(operation_routes.preview(action, filter, options))

    async def operation(self, operation_id: str) -> Operation:
        """See `Client.operation`."""
        from tenure.client import operation_routes

        return await self.run(operation_routes.operation(operation_id))

    async def operations(self, limit: int | None = None) -> Sequence[Operation]:
        """See `Client.operations`."""
        from tenure.client import operation_routes

        return await self.run(operation_routes.operations(limit))

    async def abort(self, operation_id: str, reason: str | None = None) -> Operation:
        """See `Client.abort`."""
        from tenure.client import operation_routes

        return await self.run(operation_routes.abort(operation_id, reason))

    async def dead_letters(
        self, q: str | None = None, limit: int | None = None
    ) -> DeadLetterGroups:
        """See `Client.dead_letters`."""
        from tenure.client import operation_routes

        return await self.run(operation_routes.dead_letters(q, limit))

    async def dead_letter_group(self, fingerprint: str) -> DeadLetters:
        """See `Client.dead_letter_group`."""
        from tenure.client import operation_routes

        return await self.run(operation_routes.dead_letter_group(fingerprint))
