"""The fleet as use cases: workers come, are seen, drained, and leave."""

from __future__ import annotations

import msgspec

from tenure.coordinator import witness
from tenure.coordinator.authentication import issued_by
from tenure.coordinator.concealing import Concealment, News
from tenure.coordinator.signing import Signer
from tenure.domain.access import Kind, Principal
from tenure.domain.clock import Clock
from tenure.domain.errors import Forbidden, InvalidInput, WorkerNotFound
from tenure.domain.ids import IdSource, is_id
from tenure.domain.lease import LeaseTerms
from tenure.settings import Settings
from tenure.store import workers as store
from tenure.store.committer import Committer
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire.base import Page, time_out
from tenure.wire.workers import Registered, RegisterIn, Worker

POLL_SECONDS = 30.0
MAX_LISTED = 1_000
_NAMES = msgspec.json.Decoder(list[str])
_LABELS = msgspec.json.Decoder(dict[str, str])


class _Named(msgspec.Struct):
    name: str


_TYPES = msgspec.json.Decoder(list[_Named])


class Fleet:
    """What workers and people ask about the fleet. Answers after the commit."""

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        ids: IdSource,
        clock: Clock,
        settings: Settings,
        concealment: Concealment,
        signer: Signer,
    ) -> None:
        self._concealment = concealment
        self._committer = committer
        self._reader = reader
        self._ids = ids
        self._clock = clock
        self._signer = signer
        self._terms = LeaseTerms(settings.lease.total_seconds())

    async def register(self, asked: RegisterIn, principal: Principal) -> Registered:
        """Take in a worker. Its session token is good as long as what it registered with.

        Raises Forbidden for a queue that its token does not serve, and for a worker's session.
        """
        if principal.kind is Kind.WORKER:
            raise Forbidden("a worker registers with a worker token, not with a session token")
        principal.check_queues(asked.queues)
        worker = store.NewWorker(
            id=self._ids.one(self._clock.now()),
            name=asked.name,
            hostname=asked.hostname,
            pid=asked.pid,
            version=asked.version,
            protocol=asked.protocol,
            queues=tuple(dict.fromkeys(asked.queues)),
            types={handler.name: handler.schema_ for handler in asked.types},
            slots=asked.slots,
            labels=asked.labels,
        )
        news = self._concealment.news(worker.types)
        await self._committer.run(lambda unit: self._register(unit, worker, news))
        self._concealment.learn(news)
        return Registered(
            worker_id=worker.id,
            session_token=self._signer.session_token(issued_by(principal, worker.id)),
            lease_seconds=self._terms.lease_seconds,
            heartbeat_seconds=self._terms.heartbeat_seconds,
            poll_seconds=POLL_SECONDS,
        )

    def _register(self, unit: Unit, worker: store.NewWorker, news: News) -> None:
        store.register(unit, worker)
        self._concealment.remember(unit, news)

    async def goodbye(self, worker_id: str) -> int:
        """A worker leaves; how many leases it still held, now released. Repeatable.

        Raises WorkerNotFound.
        """
        _check(worker_id)
        return await self._committer.run(lambda unit: store.goodbye(unit, worker_id))

    async def drain(self, worker_id: str, principal: Principal) -> Worker:
        """Ask a worker to take no more jobs and to stop. Repeatable. Raises WorkerNotFound."""
        _check(worker_id)
        return await self._committer.run(lambda unit: _drained(unit, worker_id, principal))

    async def list(self, after: str | None = None, limit: int = MAX_LISTED) -> Page[Worker]:
        """Workers, newest first, beyond the worker `after`; at most 1,000 at once.

        Raises InvalidInput when `after` is no id.
        """
        if after is not None and not is_id(after):
            raise InvalidInput.field("after", "must be the id of a worker, from `next`")
        wanted = min(limit, MAX_LISTED)
        rows = await self._reader.run(lambda unit: store.list_workers(unit, after, wanted))
        following = rows[-1].id if len(rows) == wanted and rows else None
        return Page(items=[_worker(row) for row in rows], next=following)

    async def get(self, worker_id: str) -> Worker:
        """One worker, whatever its state. Raises WorkerNotFound."""
        _check(worker_id)
        return _worker(await self._reader.run(lambda unit: store.get_worker(unit, worker_id)))


def _check(worker_id: str) -> None:
    if not is_id(worker_id):
        raise WorkerNotFound(f"there is no worker {worker_id[:36]}")


def _drained(unit: Unit, worker_id: str, principal: Principal) -> Worker:
    store.drain(unit, worker_id, principal.id or "local")
    worker = store.get_worker(unit, worker_id)
    about = {"name": worker.name, "state": worker.state}
    witness.administered(unit, "worker.drain", principal, worker_id, about)
    return _worker(worker)


def _worker(row: store.WorkerRow) -> Worker:
    return Worker(
        id=row.id,
        name=row.name,
        hostname=row.hostname,
        pid=row.pid,
        version=row.version,
        state=row.state,
        queues=_NAMES.decode(row.queues),
        types=[entry.name for entry in _TYPES.decode(row.types)],
        slots=row.slots,
        running=row.running,
        labels=_LABELS.decode(row.labels),
        registered_at=time_out(row.registered_at),
        last_seen_at=time_out(row.last_seen_at),
    )
