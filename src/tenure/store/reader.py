"""Reading: a verb over a read-only snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from tenure.domain.clock import Clock
from tenure.domain.errors import Unavailable
from tenure.store.engine import Store
from tenure.store.unit import Unit

Result = TypeVar("Result")


class Reader:
    """Runs reads on the store's reading connections, which see the last commit."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self, read: Callable[[Unit], Result]) -> Result:
        """What `read` answers. Raises what it raises, and Unavailable when the store is away."""

        def body(conn: sa.Connection) -> Result:
            return read(Unit(conn, self._store.dialect, self._clock.now(), ""))

        try:
            return await self._store.read(body)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the store is away", retry_after=1.0) from error
