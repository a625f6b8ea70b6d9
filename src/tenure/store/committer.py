"""Group commit: the only writer.

Whatever waits (submits, claims, reports, renewals, single verbs) goes into one transaction, like
kinds merged into one statement each, and every caller is answered after the commit. A commit is
never held back to gather more: the previous one is the gathering time (ADR 0003). Only heartbeats
of workers that hold nothing wait for others of their kind, since nothing waits for them.

Faults: a conflict between transactions runs the whole transaction again, three times; a fault of
one caller's values runs them caller by caller behind savepoints; a store that is away, or a COMMIT
without an answer, is 503 for all and never run again here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar, cast

from loguru import logger
from sqlalchemy.exc import DBAPIError

from tenure.domain.clock import Clock
from tenure.domain.errors import InternalError, TenureError, TooMany, Unavailable
from tenure.domain.lease import LeaseTerms
from tenure.domain.run import Report, ReportStatus
from tenure.store.dialect import Fault
from tenure.store.engine import CommitUnknown, Store
from tenure.store.leases import Claim, Claimed, claim
from tenure.store.outbox import post
from tenure.store.renewals import Beat, Beaten, Released, release, renew
from tenure.store.reports import report
from tenure.store.submits import Submission, Submitted, submit
from tenure.store.ties import settle
from tenure.store.unit import Unit
from tenure.store.waiting import Group, Kind, Waiting

Result = TypeVar("Result")

MAX_TRIES = 3
MAX_SAVEPOINTS = 32
RETRY_AFTER_SECONDS = 1.0
GATHER_SECONDS = 0.1
"""How long the heartbeat of an idle worker waits for company. A thousand of them come a hundred a
second: one transaction each costs five times what a tenth of a transaction does."""


class Committer:
    """Merges callers into transactions. Use from one event loop, between `start` and `stop`.

    `committed` is called after each commit with its unit, in the loop.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        coordinator_id: str,
        *,
        terms: LeaseTerms,
        random: Callable[[], float],
        max_waiting: int,
        committed: Callable[[Unit], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._coordinator_id = coordinator_id
        self._committed = committed
        self._max_waiting = max_waiting
        self._waiting = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._lanes: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Future[None]] = set()
        self._gathering: asyncio.TimerHandle | None = None
        self._stopped = False
        self.peers = False
        """Whether other coordinators are to be told of ready jobs."""
        self.watched: frozenset[str] = frozenset()
        """The topics that somebody is to be told of."""
        # In lock order: idempotency keys, then active rows; claims last, to see what is new.
        self._submit = Kind("submit", submit, 4_000)
        self._report = Kind("report", lambda unit, items: report(unit, items, random), 4_000)
        self._renew = Kind("renew", lambda unit, items: renew(unit, items, terms), 20_000)
        self._release = Kind("release", release, 4_000)
        self._single = Kind("act", _run_singles, MAX_SAVEPOINTS)
        # Two claims of a worker side by side would each count its slots without the other.
        self._claim = Kind(
            "claim", lambda unit, items: claim(unit, items, terms), 128, attrgetter("worker_id")
        )

    @property
    def _kinds(self) -> tuple[Kind, ...]:
        return (
            self._submit, self._report, self._renew, self._release, self._single, self._claim,
        )  # fmt: skip

    async def submit(self, submission: Submission) -> Submitted:
        """Insert jobs. Raises IdempotencyMismatch, TooMany, Unavailable."""
        return cast(
            Submitted, await self._enter(self._submit, submission, len(submission.jobs) or 1)
        )

    async def claim(self, item: Claim) -> Claimed:
        """Lease jobs. A caller that is cancelled keeps nothing. Raises WorkerUnknown."""
        return cast(Claimed, await self._enter(self._claim, item, 1))

    async def report(self, reports: list[Report]) -> list[ReportStatus]:
        """Settle reports, one status each."""
        if not reports:
            return []
        return cast(
            list[ReportStatus],
            await self._enter(self._report, reports, len(reports), bounded=False),
        )

    async def renew(self, beat: Beat) -> Beaten:
        """Renew a worker's leases. Raises WorkerUnknown."""
        weight, hurry = len(beat.leases) + 1, bool(beat.leases) or beat.draining
        return cast(
            Beaten, await self._enter(self._renew, beat, weight, bounded=False, hurry=hurry)
        )

    async def release(self, released: Released) -> int:
        """Give leases back; how many were still held."""
        weight = len(released.leases) or 1
        return cast(int, await self._enter(self._release, released, weight, bounded=False))

    async def run(self, verb: Callable[[Unit], Result], *, key: str = "") -> Result:
        """A verb of its own inside the next transaction. Raises what the verb raises.

        `key` names the one row it locks (a job id); verbs of a transaction run ascending by it.
        """
        return cast(Result, await self._enter(self._single, (key, verb), 1))

    def start(self) -> None:
        self._stopped = False
        for _ in range(self._store.writers):
            self._lanes.append(asyncio.create_task(self._run_lane()))

    async def stop(self) -> None:
        """Commit what waits, then stop: who comes later gets Unavailable. Legal before `start`
        and twice."""
        self._wake.set()
        while self._lanes and not self._idle.is_set():
            await self._idle.wait()
        self._stopped = True
        for lane in self._lanes:
            lane.cancel()
        await asyncio.gather(*self._lanes, *self._running, return_exceptions=True)
        self._lanes.clear()

    async def _enter(
        self, kind: Kind, item: Any, weight: int, *, bounded: bool = True, hurry: bool = True
    ) -> Any:
        if self._stopped:
            raise Unavailable("the coordinator stops", retry_after=RETRY_AFTER_SECONDS)
        # Renewals and reports always get in: refusing them would cost work already done.
        if bounded and self._waiting >= self._max_waiting:
            raise TooMany("too many writes are waiting", retry_after=RETRY_AFTER_SECONDS)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        kind.waiting.append(Waiting(item, weight, answer))
        self._note_waiting(hurry)
        return await answer

    def _note_waiting(self, hurry: bool = True) -> None:
        self._waiting += 1
        self._idle.clear()
        if hurry:
            self._wake.set()
        elif self._gathering is None:
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(GATHER_SECONDS, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        self._wake.set()

    async def _run_lane(self) -> None:
        while True:
            groups = [(kind, taken) for kind in self._kinds if (taken := kind.take())]
            self._waiting = sum(len(kind.waiting) for kind in self._kinds)
            if not groups:
                self._wake.clear()
                if not self._waiting:
                    self._idle.set()
                await self._wake.wait()
                continue
            # Shielded: a coordinator that stops still finishes the transaction it began.
            running = asyncio.ensure_future(self._transact(groups))
            self._running.add(running)
            running.add_done_callback(self._running.discard)
            try:
                await asyncio.shield(running)
            except Exception as error:
                # A lane must outlive whatever happens to one transaction.
                logger.exception("a transaction ended in an error")
                _refuse(groups, "the outcome is unknown", error)
            finally:
                for kind, taken in groups:
                    kind.done(taken)

    async def _transact(self, groups: list[Group]) -> None:
        for _ in range(MAX_TRIES):
            try:
                unit, answers = await self._store.write(lambda conn: self._merged(conn, groups))
            except CommitUnknown as error:
                _refuse(groups, "the commit got no answer, its outcome is unknown", error)
                return
            except DBAPIError as error:
                fault = self._store.dialect.fault(error)
                if fault is Fault.AWAY:
                    _refuse(groups, "the store is away", error)
                    return
                if fault is Fault.VALUE:
                    break
            except OSError as error:
                _refuse(groups, "the store is away", error)
                return
            except Exception:
                logger.exception("a merged transaction failed, running caller by caller")
                break
            else:
                self._finish(unit, groups, answers)
                return
        await self._one_by_one(groups)

    def _merged(self, conn: Any, groups: list[Group]) -> tuple[Unit, list[list[Any]]]:
        unit = self._unit(conn)
        answers = []
        for kind, taken in groups:
            if kind is self._claim:
                settle(unit)  # a claim also sees the jobs that the ends before it made ready
            answers.append(kind.run(unit, taken))
        self._end(unit)
        return unit, answers

    def _unit(self, conn: Any) -> Unit:
        here = (self._store.dialect, self._clock.now(), self._coordinator_id)
        return Unit(conn, *here, watched=self.watched)

    def _end(self, unit: Unit) -> None:
        settle(unit)
        post(unit)
        unit.write_tally()
        if self.peers:
            self._store.announce(unit.conn, unit)

    async def _one_by_one(self, groups: list[Group]) -> None:
        callers = [(kind, [waiting]) for kind, taken in groups for waiting in taken]
        for start in range(0, len(callers), MAX_SAVEPOINTS):
            await self._behind_savepoints(callers[start : start + MAX_SAVEPOINTS])

    async def _behind_savepoints(self, callers: list[Group]) -> None:
        """Together once; what conflicts then runs alone, where its locks cannot cross others'."""
        tries = MAX_TRIES if len(callers) == 1 else 1
        while error := await self._try_apart(callers):
            tries -= 1
            fault = self._store.dialect.fault(error) if isinstance(error, DBAPIError) else None
            if fault is not Fault.AGAIN or (not tries and len(callers) == 1):
                _refuse(callers, "the store is away or busy", error)
                return
            if not tries:
                for caller in callers:
                    await self._behind_savepoints([caller])
                return

    async def _try_apart(self, callers: list[Group]) -> Exception | None:
        try:
            unit, answers = await self._store.write(partial(self._apart, callers=callers))
        except (CommitUnknown, DBAPIError, OSError) as error:
            return error
        self._finish(unit, callers, answers)
        return None

    def _apart(self, conn: Any, callers: list[Group]) -> tuple[Unit, list[list[Any]]]:
        """Each caller behind a savepoint of its own, so that one cannot spoil the others."""
        whole = self._unit(conn)
        answers: list[list[Any]] = []
        for kind, (waiting,) in callers:
            unit = self._unit(conn)
            conn.exec_driver_sql("SAVEPOINT caller")
            try:
                answers.append(kind.run(unit, [waiting]))
            except DBAPIError as error:
                if self._store.dialect.fault(error) is not Fault.VALUE:
                    raise
                conn.exec_driver_sql("ROLLBACK TO SAVEPOINT caller")
                answers.append([_internal(error)])
            except Exception as error:
                conn.exec_driver_sql("ROLLBACK TO SAVEPOINT caller")
                answers.append([_internal(error)])
            else:
                whole.absorb(unit)
            conn.exec_driver_sql("RELEASE SAVEPOINT caller")
        self._end(whole)
        return whole, answers

    def _finish(self, unit: Unit, groups: list[Group], answers: list[list[Any]]) -> None:
        # Claims are answered first: a job waits for its worker, a submitter only for the news.
        for (_, taken), results in reversed(list(zip(groups, answers, strict=True))):
            for waiting, result in zip(taken, results, strict=True):
                if waiting.answer.cancelled():
                    self._give_back(waiting.item, result)
                elif isinstance(result, TenureError):
                    waiting.answer.set_exception(result)
                else:
                    waiting.answer.set_result(result)
        unit.measured.weight = sum(waiting.weight for _, taken in groups for waiting in taken)
        self._committed(unit)

    def _give_back(self, item: Any, result: Any) -> None:
        """A caller gone while its claim was being committed keeps nothing."""
        if isinstance(result, Claimed) and result.rows:
            leases = {(row[0], row[1]): False for row in result.rows}
            answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(_ignore)
            self._release.waiting.append(
                Waiting(Released(item.worker_id, leases), len(leases), answer)
            )
            self._note_waiting()


def _run_singles(unit: Unit, items: list[tuple[str, Callable[[Unit], Any]]]) -> list[Any]:
    """Single verbs ascending by key, so that transactions wait for each other in one order.

    A TenureError is raised before a verb's first write.
    """
    answers: list[Any] = [None] * len(items)
    for place, (_, verb) in sorted(enumerate(items), key=lambda item: item[1][0]):
        try:
            answers[place] = verb(unit)
        except TenureError as error:
            answers[place] = error
    return answers


def _ignore(answer: asyncio.Future[Any]) -> None:
    """Nobody waits for this; a heartbeat brings back what could not be released."""
    if not answer.cancelled():
        answer.exception()


def _refuse(groups: list[Group], text: str, error: BaseException) -> None:
    logger.bind(error=str(error).partition("\n")[0]).warning("transaction refused: {}", text)
    for _, taken in groups:
        for waiting in taken:
            if not waiting.answer.done():
                waiting.answer.set_exception(Unavailable(text, retry_after=RETRY_AFTER_SECONDS))


def _internal(error: Exception) -> TenureError:
    if isinstance(error, TenureError):
        return error
    logger.opt(exception=error).error("a caller's transaction failed")
    return InternalError("the coordinator could not do this; its log says why")
