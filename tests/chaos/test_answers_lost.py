"""Answers that bring leases and never arrive: nothing is lost with them."""

from __future__ import annotations

import msgspec
import pytest

from tests.chaos import ledger
from tests.chaos.processes import Processes, registered, waited
from tests.chaos.proxy import Fate, proxied

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

FATES = (Fate.BEFORE, Fate.WHOLE, Fate.HALF, Fate.WHOLE, Fate.BEFORE) * 2
JOBS = 160


class Dropping:
    """Of the answers that bring leases every second one is lost, until all fates are spent. Before
    an answer is there, any request for leases may be the one."""

    def __init__(self) -> None:
        self.left = list(FATES)
        self.leases_dropped = 0
        self._turn = False

    def __call__(self, request: bytes, answer: bytes) -> Fate:
        if not self.left or not _asks_for_leases(request):
            return Fate.PASS
        early = self.left[0] is Fate.BEFORE
        if early is bool(answer):
            return Fate.PASS
        leases = 0 if early else _leases(answer)
        if not early and not leases:
            return Fate.PASS
        self._turn = not self._turn
        if not self._turn:
            return Fate.PASS
        self.leases_dropped += leases
        return self.left.pop(0)


def _leases(answer: bytes) -> int:
    body = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])
    return len(body.get("acquired", body).get("leases", ()))


def _asks_for_leases(request: bytes) -> bool:
    """An acquire, or a report that asks for the next leases."""
    head, _, body = request.partition(b"\r\n\r\n")
    return head.startswith(b"POST /api/jobs/acquire ") or (
        head.startswith(b"POST /api/jobs/complete ") and b'"acquire"' in body
    )


async def test_ten_dropped_answers_cost_nothing(processes: Processes, database_url: str) -> None:
    coordinator = processes.coordinator(database_url, lease="1.5s")
    await coordinator.ready()
    async with coordinator.client() as client, proxied(coordinator.port) as proxy:
        jobs = await client.submit_many({"type": "nap", "payload": 0.02} for _ in range(JOBS))
        ids = [job.id for job in jobs]
        proxy.judge = dropping = Dropping()
        processes.worker(proxy.url, slots=4)
        await registered(client, "worker")
        done = await waited(client, ids)
        assert dropping.left == []
        assert dropping.leases_dropped >= 6
        assert {job.status for job in done.values()} == {"completed"}
        assert {(job.attempt, job.lost) for job in done.values()} == {(1, 0)}
        await ledger.check_once(client, processes.journal, ids)
        assert "reclaimed" not in coordinator.log
