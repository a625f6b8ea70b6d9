"""Reading: a verb over a read-only snapshot."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from tenure.domain.clock import Clock
from tenure.domain.errors import Unavailable
from tenure.store.engine import Store
from tenure.store.unit import Unit

Result = TypeVar("Result")


class Reader:
    """Runs reads on the store's reading connections, which see the last commit.

    `observe` is told how long each took, in seconds.
    """

    def __init__(
        self, store: Store, clock: Clock, observe: Callable[[float], None] | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._observe = observe

    async def run(self, read: Callable[[Unit], Result]) -> Result:
        """What `read` answers. Raises what it raises, and Unavailable when the store is away."""

        def body(conn: sa.Connection) -> Result:
            return read(Unit(conn, self._store.dialect, self._clock.now(), ""))

        began = perf_counter()
        try:
            found = await self._store.read(body)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the store is away", retry_after=1.0) from error
        if self._observe is not None:
            self._observe(perf_counter() - began)
        return found
