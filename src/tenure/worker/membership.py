"""A worker's registration: made, and made again when the coordinator has forgotten it."""

from __future__ import annotations

import asyncio

from loguru import logger

from tenure.client.leasing import AsyncLeasing, Introduction, Session
from tenure.domain.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    TenureError,
    Unauthenticated,
    WorkerUnknown,
)
from tenure.worker.backoff import Backoff

FORGOTTEN = (WorkerUnknown, Unauthenticated)
"""Answers that mean: this session is not known here, register again."""

_HOPELESS = (Unauthenticated, Forbidden, InvalidInput, Conflict)


class Membership:
    """The current session. `session` may be read from any thread, the rest belongs to the loop."""

    def __init__(self, leasing: AsyncLeasing, introduction: Introduction) -> None:
        self._leasing = leasing
        self._introduction = introduction
        self._joining = asyncio.Lock()
        self.session: Session | None = None
        self.registrations = 0
        self.failures = 0
        """Calls that failed and were tried again."""

    @property
    def current(self) -> Session:
        """The session, after `join`."""
        assert self.session is not None  # noqa: S101 - nothing that needs it starts before `join`
        return self.session

    async def join(self) -> Session:
        """Register, waiting for a coordinator as long as it takes.

        Raises what the coordinator answers when it refuses this worker for good: Unauthenticated,
        Forbidden, InvalidInput, Conflict.
        """
        return await self._register(_HOPELESS)

    async def rejoin(self, lost: Session) -> Session:
        """Register again after an answer that `lost` is unknown; once for all who noticed.

        What was leased under the former id is not ours any more. Retries whatever the answer is:
        a worker that ran does not end because a coordinator is being repaired.
        """
        async with self._joining:
            if self.session is lost:
                logger.warning("The coordinator does not know this worker, registering again")
                await self._register(())
        return self.current

    async def overcome(self, error: TenureError, session: Session, backoff: Backoff) -> None:
        """Do what helps against a failed call: register again, or wait."""
        self.failures += 1
        if backoff.failures == 0 and not isinstance(error, FORGOTTEN):
            logger.bind(error=error.detail).warning("A call to the coordinator failed, retrying")
        if isinstance(error, FORGOTTEN) and self.session is session and backoff.failures == 0:
            backoff.failures += 1
            await self.rejoin(session)
            return
        await asyncio.sleep(backoff.next(error))
        if isinstance(error, FORGOTTEN):
            await self.rejoin(session)

    async def _register(self, hopeless: tuple[type[TenureError], ...]) -> Session:
        backoff = Backoff()
        while True:
            try:
                session = await self._leasing.register(self._introduction)
            except hopeless:
                raise
            except TenureError as error:
                self.failures += 1
                if backoff.failures == 0:
                    logger.bind(error=error.detail).warning("Cannot register yet, retrying")
                await asyncio.sleep(backoff.next(error))
                continue
            self.session = session
            self.registrations += 1
            logger.bind(worker_id=session.worker_id).info("Registered")
            return session
