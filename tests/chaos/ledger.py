"""What handlers wrote about themselves, checked against what the store says happened."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenure.client.asynchronous import AsyncClient


@dataclass(frozen=True, slots=True)
class Entry:
    """`at`: seconds of the machine's monotonic clock, the same in all processes."""

    job_id: str
    fence: int
    what: str
    pid: int
    at: float


def entries(journal: Path) -> list[Entry]:
    """What was written so far, in order."""
    if not journal.exists():
        return []
    lines = [line.split() for line in journal.read_text().splitlines()]
    return [
        Entry(job, int(fence), what, int(pid), float(at)) for job, fence, what, pid, at in lines
    ]


def starts(journal: Path) -> Counter[str]:
    """How often each job was started."""
    return Counter(entry.job_id for entry in entries(journal) if entry.what == "start")


async def histories(client: AsyncClient, ids: list[str]) -> dict[str, list[Any]]:
    """The runs of each job, first to last."""
    bound = asyncio.Semaphore(16)

    async def one(job_id: str) -> list[Any]:
        async with bound:
            return list(await client.runs(job_id))

    return dict(zip(ids, await asyncio.gather(*(one(job_id) for job_id in ids)), strict=True))


async def check(client: AsyncClient, journal: Path, ids: list[str]) -> dict[str, list[Any]]:
    """Every job has one accepted result, of a run that began and ended once; no start is unknown
    to the store. Returns the runs by job."""
    begun: dict[str, Counter[int]] = defaultdict(Counter)
    done: dict[str, Counter[int]] = defaultdict(Counter)
    for entry in entries(journal):
        (begun if entry.what == "start" else done)[entry.job_id][entry.fence] += 1
    runs = await histories(client, ids)
    for job_id in ids:
        fences = [run.fence for run in runs[job_id]]
        assert fences == sorted(set(fences)), (job_id, fences)
        accepted = [run.fence for run in runs[job_id] if run.outcome == "completed"]
        assert len(accepted) == 1, (job_id, [run.outcome for run in runs[job_id]])
        assert set(begun[job_id]) <= set(fences), (job_id, begun[job_id], fences)
        assert max(begun[job_id].values()) == 1, (job_id, begun[job_id])
        assert done[job_id][accepted[0]] == 1, (job_id, done[job_id], accepted)
    return runs


async def check_once(client: AsyncClient, journal: Path, ids: list[str]) -> None:
    """As `check`, and no handler began twice."""
    runs = await check(client, journal, ids)
    again = {job_id: count for job_id, count in starts(journal).items() if count != 1}
    assert again == {}
    assert {len(runs[job_id]) for job_id in ids} == {1}
