"""The worker's calls, typed: the lease protocol over a transport.

`Session` is what a registration gave. Every call but `register` needs one and raises WorkerUnknown
when the coordinator has forgotten it, besides what the transport raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from tenure.client.transport import Answer, AsyncTransport, Transport
from tenure.domain.errors import TenureError
from tenure.wire.leases import (
    Acquire,
    Acquired,
    Completed,
    CompleteMany,
    Heartbeat,
    HeartbeatAnswer,
    HeldLease,
    LogLineIn,
    Logs,
    Release,
    ReleaseItem,
    ReportItem,
    Wanted,
)
from tenure.wire.workers import PROTOCOL, Registered

Decoded = TypeVar("Decoded")
_ANSWER_GRACE = 10.0
_ENCODER = msgspec.json.Encoder()
_ACQUIRED = msgspec.json.Decoder(Acquired)
_COMPLETED = msgspec.json.Decoder(Completed)
_HEARTBEAT = msgspec.json.Decoder(HeartbeatAnswer)
_REGISTERED = msgspec.json.Decoder(Registered)


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a worker says of itself. `types`: name to JSON Schema of the payload (None: any)."""

    name: str
    hostname: str
    pid: int
    version: str
    queues: tuple[str, ...]
    types: dict[str, dict[str, Any] | None]
    slots: int
    labels: dict[str, str]

    def body(self) -> bytes:
        types = [
            {"name": name} if schema is None else {"name": name, "schema": schema}
            for name, schema in self.types.items()
        ]
        return _ENCODER.encode(
            {
                "name": self.name,
                "hostname": self.hostname,
                "pid": self.pid,
                "version": self.version,
                "protocol": PROTOCOL,
                "queues": self.queues,
                "types": types,
                "slots": self.slots,
                "labels": self.labels,
            }
        )


@dataclass(frozen=True, slots=True)
class Session:
    """One registration: the worker's id, its credential and the terms it works by (seconds)."""

    worker_id: str
    token: str
    lease_seconds: float
    heartbeat_seconds: float
    poll_seconds: float

    @classmethod
    def opened(cls, answer: Answer) -> Session:
        """Raises TenureError when the answer is not one of a coordinator."""
        try:
            given = _REGISTERED.decode(answer.body)
        except (msgspec.DecodeError, msgspec.ValidationError):
            raise TenureError("the answer to the registration is not a coordinator's") from None
        return cls(
            given.worker_id,
            given.session_token,
            given.lease_seconds,
            given.heartbeat_seconds,
            given.poll_seconds,
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def _heartbeat(leases: Sequence[HeldLease], slots_free: int, draining: bool) -> bytes:
    return _ENCODER.encode(Heartbeat(leases=list(leases), slots_free=slots_free, draining=draining))


class Leasing:
    """For a thread of its own: the keeper."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def heartbeat(
        self,
        session: Session,
        leases: Sequence[HeldLease],
        *,
        slots_free: int,
        draining: bool,
        timeout: float,
    ) -> HeartbeatAnswer:
        """Renew all `leases` and hear what is lost or cancelled. `timeout`: seconds of silence."""
        answer = self._transport.request(
            "POST",
            f"/api/workers/{session.worker_id}/heartbeat",
            body=_heartbeat(leases, slots_free, draining),
            headers=session.headers,
            timeout=timeout,
        )
        return _decoded(_HEARTBEAT, answer)

    def close(self) -> None:
        self._transport.close()


class AsyncLeasing:
    """For the event loop: everything but heartbeats."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def register(self, introduction: Introduction) -> Session:
        """Register under a new worker id."""
        answer = await self._transport.request(
            "POST", "/api/workers/register", body=introduction.body()
        )
        return Session.opened(answer)

    async def acquire(
        self,
        session: Session,
        wanted: Wanted,
        *,
        wait_seconds: float,
    ) -> Acquired:
        """Up to `wanted.slots` leases, waiting up to `wait_seconds` for the first.

        Cancelling drops the connection: the coordinator then takes back what it was about to give.
        """
        request = Acquire(
            worker_id=session.worker_id,
            queues=wanted.queues,
            types=wanted.types,
            slots=wanted.slots,
            wait_seconds=wait_seconds,
        )
        answer = await self._transport.request(
            "POST",
            "/api/jobs/acquire",
            body=_ENCODER.encode(request),
            headers=session.headers,
            timeout=wait_seconds + _ANSWER_GRACE,
        )
        return _decoded(_ACQUIRED, answer)

    async def complete(
        self, session: Session, reports: Sequence[ReportItem], wanted: Wanted | None = None
    ) -> Completed:
        """What became of each report, in their order, and what was leased of `wanted` at once."""
        body = CompleteMany(worker_id=session.worker_id, reports=list(reports), acquire=wanted)
        answer = await self._transport.request(
            "POST", "/api/jobs/complete", body=_ENCODER.encode(body), headers=session.headers
        )
        return _decoded(_COMPLETED, answer)

    async def release(self, session: Session, leases: Sequence[ReleaseItem]) -> None:
        """Give leases back with their attempts."""
        body = Release(worker_id=session.worker_id, leases=list(leases))
        await self._transport.request(
            "POST", "/api/jobs/release", body=_ENCODER.encode(body), headers=session.headers
        )

    async def logs(
        self, session: Session, job_id: str, fence: int, first: int, lines: Sequence[LogLineIn]
    ) -> None:
        """Store log lines; `first` is the index of the first in its run. Repeatable."""
        body = Logs(worker_id=session.worker_id, fence=fence, from_=first, lines=list(lines))
        await self._transport.request(
            "POST",
            f"/api/jobs/{job_id}/logs",
            body=_ENCODER.encode(body),
            headers=session.headers,
        )

    async def goodbye(self, session: Session) -> None:
        """Leave: the coordinator releases whatever this worker still holds."""
        await self._transport.request(
            "DELETE", f"/api/workers/{session.worker_id}", headers=session.headers
        )

    async def aclose(self) -> None:
        await self._transport.aclose()


def _decoded(decoder: msgspec.json.Decoder[Decoded], answer: Answer) -> Decoded:
    try:
        return decoder.decode(answer.body)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        raise TenureError("the answer is not a coordinator's") from None
