"""From the bytes of a workflow to checked jobs with edges between them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import msgspec

from tenure.coordinator.intake import CHUNK, CheckMasks, Fields, Intake, decode_one, decode_values
from tenure.domain.clock import SECOND
from tenure.domain.edges import Edge
from tenure.domain.errors import FieldError, InvalidInput, TooLarge
from tenure.domain.job import JobSpec, NewJob
from tenure.domain.spelling import nearest
from tenure.domain.workflow import MAX_EDGES, MAX_NODES, find_cycle
from tenure.settings import Limits
from tenure.wire.base import decode_as, validate
from tenure.wire.graphs import NodeDependencyIn, NodeIn, WorkflowIn

TURN_SECONDS = 0.02
_SHOWN = 20
_jobs: msgspec.json.Decoder[list[Fields]] = msgspec.json.Decoder(list[Fields])
_TIES = {"key": "key", "depends_on": "depends_on", "dependsOn": "depends_on", "join": "join"}


@dataclass(slots=True)
class Graph:
    """A checked workflow. `jobs` have no ids yet; `ties` say by place what each depends on."""

    asked: WorkflowIn
    jobs: list[NewJob]
    ties: list[NodeIn]

    @property
    def outward(self) -> bool:
        """Whether a job depends on one that is not of this workflow."""
        return any(item.job_id for tie in self.ties for item in tie.depends_on)

    def connect(self, ids: list[str]) -> None:
        """Give the jobs their ids and edges."""
        by_key: dict[str, str] = {}
        for job, tie, id_ in zip(self.jobs, self.ties, ids, strict=True):
            job.id, job.key, job.join = id_, tie.key, tie.join
            by_key[tie.key] = id_
        for job, tie in zip(self.jobs, self.ties, strict=True):
            job.edges = tuple(
                Edge(item.job_id or by_key[str(item.key)], item.on) for item in tie.depends_on
            )


async def check(
    body: bytes,
    limits: Limits,
    now: int,
    owner_id: str | None,
    *,
    scripts: bool = True,
    trace: str | None = None,
    check_masks: CheckMasks | None = None,
) -> Graph:
    """A workflow from its JSON, in stretches of TURN_SECONDS so that the loop is never held long.

    Without `scripts` its jobs may not carry their own code: Forbidden. `trace`, `check_masks`: see
    `Intake`. Raises
    MalformedBody, TooLarge, and InvalidInput that names the key or the cycle at fault.
    """
    if len(body) > limits.body:
        raise TooLarge(f"a workflow takes at most {limits.body} bytes")
    fields = decode_one(body)
    raw = fields.pop("jobs", None)
    asked = validate(WorkflowIn, decode_values(fields))
    if raw is None:
        raise InvalidInput.field("jobs", "is required")
    items = decode_as(_jobs, bytes(raw))
    if not 0 < len(items) <= MAX_NODES:
        raise InvalidInput.field("jobs", f"must have 1 to {MAX_NODES} jobs, this has {len(items)}")
    intake = Intake(limits, now, owner_id, scripts=scripts)
    intake.trace, intake.check_masks = trace, check_masks
    graph = Graph(asked, [], [])
    until = perf_counter() + TURN_SECONDS
    for place, item in enumerate(items):
        if place % CHUNK == 0 and perf_counter() > until:
            await asyncio.sleep(0)
            until = perf_counter() + TURN_SECONDS
        pointer = f"/jobs/{place}"
        graph.ties.append(_tie(item, pointer))
        graph.jobs.append(_job(intake, item, pointer))
    _check_edges(graph.ties)
    _hold_back(graph, now)
    return graph


def _tie(item: Fields, pointer: str) -> NodeIn:
    given = {name: item.pop(name) for name in _TIES if name in item}
    return validate(NodeIn, decode_values(given, pointer), pointer)


def _job(intake: Intake, item: Fields, pointer: str) -> NewJob:
    for name in ("parent", "idempotency_key", "idempotencyKey"):
        if name in item:
            raise InvalidInput.field(f"{pointer}/{name}", "is not for jobs of a workflow")
    return intake.take(item, pointer)


def _check_edges(ties: list[NodeIn]) -> None:
    places: dict[str, int] = {}
    for place, tie in enumerate(ties):
        if tie.key in places:
            raise InvalidInput.field(f"/jobs/{place}/key", f"{tie.key} is given twice")
        places[tie.key] = place
    if sum(len(tie.depends_on) for tie in ties) > MAX_EDGES:
        raise InvalidInput.field("jobs", f"a workflow takes at most {MAX_EDGES} dependencies")
    errors: list[FieldError] = []
    for place, tie in enumerate(ties):
        errors += _wrong(place, tie, places)
        if len(errors) >= _SHOWN:
            break
    if errors:
        first = errors[0]
        raise InvalidInput(f"{first.pointer[1:]}: {first.detail}", errors=tuple(errors[:_SHOWN]))
    inside = {
        tie.key: [item.key for item in tie.depends_on if item.key is not None] for tie in ties
    }
    cycle = find_cycle(inside)
    if cycle:
        shown = cycle if len(cycle) <= _SHOWN else [*cycle[: _SHOWN - 1], "...", cycle[-1]]
        pointer = f"/jobs/{places[cycle[0]]}/depends_on"
        raise InvalidInput.field(pointer, f"a cycle: {' -> '.join(shown)}")


def _wrong(place: int, tie: NodeIn, places: Mapping[str, int]) -> list[FieldError]:
    """What is wrong with the dependencies of one job."""
    errors: list[FieldError] = []
    seen: set[Any] = set()
    for index, item in enumerate(tie.depends_on):
        detail = _fault(item, tie.key, places)
        name = item.key or item.job_id
        if detail is None and name in seen:
            detail = f"{name} is given twice"
        seen.add(name)
        if detail is not None:
            errors.append(FieldError(f"/jobs/{place}/depends_on/{index}", detail))
    return errors


def _fault(item: NodeDependencyIn, own: str, places: Mapping[str, int]) -> str | None:
    if item.key is None or (item.key in places and item.key != own):
        return None
    if item.key == own:
        return f"{own} depends on itself"
    return f"no job has the key {item.key}{nearest(item.key, places)}"


def _hold_back(graph: Graph, now: int) -> None:
    """The time of the workflow is the earliest for jobs that depend on none."""
    at = graph.asked.run_at
    if graph.asked.delay_seconds is not None:
        at = now + int(graph.asked.delay_seconds * SECOND)
    if at is None:
        return
    later: dict[int, JobSpec] = {}
    for job, tie in zip(graph.jobs, graph.ties, strict=True):
        if tie.depends_on:
            continue
        spec = job.spec
        if id(spec) not in later:
            run_at = max(spec.options.run_at or 0, at)
            later[id(spec)] = replace(spec, options=replace(spec.options, run_at=run_at))
        job.spec = later[id(spec)]
