"""A worker without a runtime: the bare calls of the lease protocol over a lean connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec

from tenure.cli.benchmark.connection import Answer, Connection, check


class Lease(msgspec.Struct, kw_only=True):
    """What must be known of a lease to end it."""

    job_id: str
    fence: int


class _Acquired(msgspec.Struct):
    leases: list[Lease]


@dataclass(frozen=True, slots=True)
class RawWorker:
    """One registered worker for one queue and one type. Every call raises BenchmarkError unless
    the coordinator accepts it."""

    ACQUIRE: ClassVar[str] = "/api/jobs/acquire"

    connection: Connection
    worker_id: str
    token: str
    queue: str
    type: str
    heartbeat_seconds: float
    poll_seconds: float

    @classmethod
    async def register(
        cls, connection: Connection, name: str, queue: str, kind: str, slots: int
    ) -> RawWorker:
        """Introduce a new worker; `connection` carries its session from then on."""
        introduction = {"name": name, "queues": [queue], "types": [{"name": kind}], "slots": slots}
        given = await connection.call("POST", "/api/workers/register", introduction)
        connection.authorize(given["session_token"])
        return cls(
            connection,
            given["worker_id"],
            given["session_token"],
            queue,
            kind,
            given["heartbeat_seconds"],
            given["poll_seconds"],
        )

    async def acquire(self, slots: int, wait_seconds: float) -> list[Lease]:
        """Up to `slots` leases."""
        body = self.acquire_body(slots, wait_seconds)
        answer = await self.connection.send("POST", self.ACQUIRE, body)
        check(answer, "POST", self.ACQUIRE)
        return self.leases(answer)

    @staticmethod
    def leases(answer: Answer) -> list[Lease]:
        """The leases in the answer to an acquire."""
        return msgspec.json.decode(answer.body, type=_Acquired).leases

    def acquire_body(self, slots: int, wait_seconds: float) -> bytes:
        """The body of an acquire."""
        return msgspec.json.encode(
            {
                "worker_id": self.worker_id,
                "queues": [self.queue],
                "types": [self.type],
                "slots": slots,
                "wait_seconds": wait_seconds,
            }
        )

    async def complete(self, leases: list[Lease]) -> None:
        """Report every lease completed."""
        reports = [
            {"job_id": lease.job_id, "fence": lease.fence, "outcome": "completed"}
            for lease in leases
        ]
        body = {"worker_id": self.worker_id, "reports": reports}
        await self.connection.call("POST", "/api/jobs/complete", body)

    async def heartbeat(self, connection: Connection, slots_free: int) -> None:
        """Say over `connection`, which carries this worker's session too, that it lives and holds
        nothing."""
        body = {"leases": [], "slots_free": slots_free}
        await connection.call("POST", f"/api/workers/{self.worker_id}/heartbeat", body)

    async def goodbye(self) -> None:
        """Leave."""
        await self.connection.call("DELETE", f"/api/workers/{self.worker_id}")
