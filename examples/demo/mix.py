"""What the demo submits, and how every job of it must end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tenure import Client
from tenure.client.submission import JobSpec
from tenure.wire.jobs import Job

SAMPLES = 8
SAMPLE_SECONDS = 7.0
SMALL = 1_000
DELAY = timedelta(seconds=6)
LONG = 2
"""The place of the long kind."""
SOON = {"strategy": "fixed", "initial_delay_seconds": 1, "jitter": 0}


@dataclass
class Kind:
    """Jobs of one kind. `ids` in the order of submission."""

    title: str
    expected: str
    about: str
    ids: list[str] = field(default_factory=list)
    ended: dict[str, Job] = field(default_factory=dict)

    @property
    def statuses(self) -> dict[str, int]:
        """How many ended how."""
        counts: dict[str, int] = {}
        for job in self.ended.values():
            counts[job.status] = counts.get(job.status, 0) + 1
        return counts


def submit(client: Client) -> list[Kind]:
    """Submit everything: single jobs one by one, the small ones in one request."""
    small: list[JobSpec] = [
        {"type": "echo", "payload": {"n": n}, "tags": ["small"]} for n in range(SMALL)
    ]
    kinds = [
        Kind("small", "completed", "one batch"),
        Kind("echo", "completed", "one by one"),
        Kind("long", "completed", f"{SAMPLE_SECONDS:g} s, with progress"),
        Kind("flaky", "completed", "fails twice, then works"),
        Kind("doomed", "failed", "fails thrice, ends dead"),
        Kind("delayed", "completed", f"starts after {DELAY.seconds} s"),
    ]
    batch, echo, long, flaky, doomed, delayed = (kind.ids for kind in kinds)
    sample = {"seconds": SAMPLE_SECONDS, "steps": 28}
    long += [
        client.submit("sample", sample, name=f"long {n + 1}", priority="High").id
        for n in range(SAMPLES)
    ]
    batch += [one.id for one in client.submit_many(small)]
    echo += [client.submit("echo", {"hello": name}).id for name in ("Ada", "Grace", "Edsger")]
    flaky += [client.submit("flaky", {"failures": 2}, retry_policy=SOON).id]
    doomed += [client.submit("doomed", {"file": "a.txt"}, max_retries=2, retry_policy=SOON).id]
    delayed += [client.submit("echo", {"late": True}, delay=DELAY).id]
    return kinds


def look(client: Client, kinds: list[Kind]) -> list[Job]:
    """Note every job that has ended since the last look; those of the long kind, as they stand."""
    for kind in kinds:
        if len(kind.ids) > 100:
            _look_at_batch(client, kind)
        else:
            _look_one_by_one(client, kind)
    return [kinds[LONG].ended.get(id_) or client.get(id_) for id_ in kinds[LONG].ids]


def _look_at_batch(client: Client, kind: Kind) -> None:
    if len(kind.ended) < len(kind.ids):
        ended = client.list(tag="small", status=["completed", "failed", "cancelled"])
        kind.ended |= {job.id: job for job in ended}


def _look_one_by_one(client: Client, kind: Kind) -> None:
    for id_ in kind.ids:
        if id_ not in kind.ended and (job := client.get(id_)).finished:
            kind.ended[id_] = job


def all_ended(kinds: list[Kind]) -> bool:
    """Whether nothing is left to wait for."""
    return all(len(kind.ended) == len(kind.ids) for kind in kinds)


def held_by(client: Client, worker_id: str) -> set[str]:
    """The jobs that a worker has not reported."""
    return {job.id for job in client.list(status="running") if job.worker_id == worker_id}


def complaints(
    client: Client, kinds: list[Kind], victim: str | None, orphaned: set[str]
) -> Iterator[str]:
    """What did not end as it should. `orphaned`: the jobs that the killed worker `victim` held."""
    for kind in kinds:
        if missing := len(kind.ids) - len(kind.ended):
            yield f"{kind.title}: {missing} have not ended"
        if wrong := {s: n for s, n in kind.statuses.items() if s != kind.expected}:
            yield f"{kind.title}: {wrong}, all should be {kind.expected}"
    yield from _details(client, kinds, orphaned)
    if not orphaned & set(kinds[LONG].ids):
        yield "no long job was lost to kill -9"
    for id_ in orphaned:
        runs = client.runs(id_)
        if [run.worker_id for run in runs if run.outcome == "lost"] != [victim]:
            yield f"{id_}: its runs are {[run.outcome for run in runs]}, one should be lost"
        elif runs[-1].worker_id == victim:
            yield f"{id_}: finished on the worker that was killed"


def _details(client: Client, kinds: list[Kind], orphaned: set[str]) -> Iterator[str]:
    batch, echo, _, flaky, doomed, delayed = kinds
    if len(set(batch.ids)) != SMALL:
        yield "the batch lost or doubled a job"
    for number, id_ in enumerate(batch.ids):
        result: Any = batch.ended[id_].result if id_ in batch.ended else None
        if result != {"n": number}:
            yield f"{id_}: returned {result}, not what it was given"
    for kind, attempts in ((echo, 1), (flaky, 3), (doomed, 3)):
        for id_ in set(kind.ids) - orphaned:
            if (made := len(client.runs(id_))) != attempts:
                yield f"{kind.title}: {made} attempts, not {attempts}"
    for job in delayed.ended.values():
        if job.started_at is None or job.started_at - job.created_at < DELAY:
            yield "the delayed job started early"


def sleep_until(moment: float) -> None:
    """Sleep until `moment` of the monotonic clock, not at all when it has passed."""
    time.sleep(max(0.0, moment - time.monotonic()))
