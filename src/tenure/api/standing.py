"""Whether who asked still may, for answers that take long.

A token that was revoked, a user that was locked out or a role that was lowered ends what waits or
streams within a few seconds. Only answers that take long ask; the others were asked at their start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tenure.api.authentication import bearer
from tenure.api.exchange import Ask, coordinator, noticing
from tenure.api.security import permission_of, principal
from tenure.domain.errors import Forbidden, Unauthenticated, Unavailable

CHECK_SECONDS = 2.0
"""How often it is asked for a long poll that nothing wakes."""


class Standing:
    """Of who sent a request, as it is now compared with when it came."""

    def __init__(self, request: Ask) -> None:
        self._request = request
        self._here = coordinator(request)

    async def check(self) -> None:
        """Costs at most one read a second, for all that one token waits for. Passes while the
        store is away. Raises Unauthenticated, Forbidden."""
        scope = self._request.scope
        token = bearer(scope) if self._here.settings.auth == "required" else None
        if token is None:
            return
        known = self._here.authentication
        try:
            found = known.known(token) or await known.find(token)
        except Unavailable:
            return
        permission, was = permission_of(self._request.route_handler), principal(self._request)
        if permission is not None:
            found.check(permission)
        if (found.only, found.queues) != (was.only, was.queues):
            raise Forbidden("what this caller may see was changed: ask again")

    async def holds(self) -> bool:
        """Whether `check` passes."""
        try:
            await self.check()
        except (Unauthenticated, Forbidden):
            return False
        return True

    @contextmanager
    def watched(self, ended: Callable[[], None]) -> Iterator[Callable[[], bool]]:
        """Whether it was found to hold no more; `ended` is called when it is."""
        if self._here.settings.auth != "required":
            yield bool
            return
        with noticing(self._lost(), ended) as barred:
            yield barred

    async def _lost(self) -> None:
        holds = True
        while holds:
            await asyncio.sleep(CHECK_SECONDS)
            holds = await self.holds()
