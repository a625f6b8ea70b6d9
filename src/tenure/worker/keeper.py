"""Keeps leases alive, from a thread of its own over a connection of its own.

Whatever a handler does to the loop, the heartbeats go on as long as Python switches threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loguru import logger

from tenure.client.leasing import Leasing, Session
from tenure.domain.errors import TenureError
from tenure.wire.leases import CancelRequest, HeartbeatAnswer, HeldLease
from tenure.worker.backoff import Backoff
from tenure.worker.holding import Holding, Run, Stop
from tenure.worker.membership import FORGOTTEN

EXTRA_HEARTBEAT_SECONDS = 1.0
"""The least time between two heartbeats when progress or a checkpoint has changed."""

_MIN_TIMEOUT = 0.05
_REJOIN_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Orders:
    """What the keeper asks of the rest of the worker. Each is called from the keeper's thread."""

    session: Callable[[], Session | None]
    draining: Callable[[], bool]
    enforce: Callable[[Run, float | None], None]
    """A run was flagged to stop, with this grace in seconds (None: the usual one)."""
    drain: Callable[[], None]
    forgotten: Callable[[Session], None]


class Keeper:
    """One heartbeat lists all leases; see `semantics.md` for who counts what from when."""

    def __init__(self, leasing: Leasing, holding: Holding, orders: Orders) -> None:
        self._leasing = leasing
        self._holding = holding
        self._orders = orders
        self._wake = threading.Event()
        self._closing = False
        self._backoff = Backoff()
        self._thread = threading.Thread(target=self._run, name="tenure-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def nudge(self) -> None:
        """Something is to be told soon. For any thread."""
        self._wake.set()

    def close(self) -> None:
        """Send no further heartbeat. Does not wait for one under way."""
        self._closing = True
        self._wake.set()

    def join(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the thread, which closes its connection at its end."""
        if self._thread.ident is None:
            self._leasing.close()
        else:
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._keep()
        finally:
            self._leasing.close()

    def _keep(self) -> None:
        while not self._closing:
            session = self._orders.session()
            if session is None:
                self._pause(_REJOIN_LOOK_SECONDS)
                continue
            sent_at = time.monotonic()
            try:
                self._beat(session, sent_at)
            except FORGOTTEN:
                self._orders.forgotten(session)
                while self._orders.session() is session and not self._closing:
                    self._pause(_REJOIN_LOOK_SECONDS)
            except TenureError as error:
                if self._backoff.failures == 0:
                    logger.bind(error=error.detail).warning("A heartbeat failed, retrying")
                wait = min(self._backoff.next(error), session.heartbeat_seconds / 2)
                self._pause(wait)
            except Exception:  # a fault of ours must not end the heartbeats
                logger.exception("A heartbeat failed unexpectedly")
                self._pause(min(1.0, session.heartbeat_seconds / 2))
            else:
                self._backoff.reset()
                self._rest(session, sent_at)

    def _pause(self, seconds: float) -> None:
        """Wait without forgetting a nudge, watching over exclusive handlers."""
        until = time.monotonic() + seconds
        while not self._closing and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, self._until_distrust(), EXTRA_HEARTBEAT_SECONDS / 4))

    def _rest(self, session: Session, sent_at: float) -> None:
        """Until the next heartbeat is due, earlier when nudged."""
        nudged = False
        while not self._closing:
            extra = min(EXTRA_HEARTBEAT_SECONDS, session.heartbeat_seconds)
            due = sent_at + (extra if nudged else session.heartbeat_seconds)
            left = min(due - time.monotonic(), self._until_distrust())
            if due <= time.monotonic():
                return
            if nudged:
                self._pause(max(left, 0.0))
            elif self._wake.wait(max(left, 0.0)):
                self._wake.clear()
                nudged = True

    def _until_distrust(self) -> float:
        """Stop exclusive runs whose lease cannot be believed; seconds until the next might be."""
        now = time.monotonic()
        nearest = float("inf")
        for run in self._holding.snapshot():
            if not run.invocation.handler.exclusive or run.stop is Stop.UNTRUSTED:
                continue
            trust = run.grant.trust
            if trust.holds(now):
                nearest = min(nearest, trust.trusted_until - now)
            else:
                self._stop(run, Stop.UNTRUSTED, None)
        return nearest

    def _beat(self, session: Session, sent_at: float) -> None:
        runs = self._holding.snapshot()
        held: list[HeldLease] = []
        revisions: list[int] = []
        for run in runs:
            lease, revision = run.held()
            held.append(lease)
            revisions.append(revision)
        patience = min(session.heartbeat_seconds, self._until_distrust())
        answer = self._leasing.heartbeat(
            session,
            held,
            slots_free=max(0, self._holding.free),
            draining=self._orders.draining(),
            timeout=max(_MIN_TIMEOUT, patience),
        )
        self._apply(session, runs, revisions, answer, sent_at)

    def _apply(
        self,
        session: Session,
        runs: Sequence[Run],
        revisions: Sequence[int],
        answer: HeartbeatAnswer,
        sent_at: float,
    ) -> None:
        answered_at = time.monotonic()
        lost = {(lease.job_id, lease.fence) for lease in answer.lost}
        for grant in {id(run.grant): run.grant for run in runs if run.key not in lost}.values():
            grant.renew(sent_at, answered_at, session.heartbeat_seconds)
        for run, revision in zip(runs, revisions, strict=True):
            if revision and run.notes is not None:
                run.notes.told = max(run.notes.told, revision)
            if run.key in lost:
                self._stop(run, Stop.LOST, None)
        self._cancel(answer.cancel)
        if answer.drain:
            self._orders.drain()

    def _cancel(self, requests: Sequence[CancelRequest]) -> None:
        for request in requests:
            run = self._holding.runs.get((request.job_id, request.fence))
            if run is not None:
                self._stop(run, Stop.CANCEL, request.grace_seconds)

    def _stop(self, run: Run, stop: Stop, grace_seconds: float | None) -> None:
        if run.ask_stop(stop):
            self._orders.enforce(run, grace_seconds)
