"""Workflows: submitting, reading, cancelling, running again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from functools import partial

from tenure.coordinator import cursors, graphs, present, queries, witness
from tenure.coordinator.acting import action
from tenure.coordinator.concealing import Concealment
from tenure.coordinator.metering import Meter
from tenure.coordinator.receipts import id_of
from tenure.coordinator.submission import Receipt, check_key
from tenure.coordinator.wakeups import Check, Wakeups, allowed
from tenure.domain.access import Permission, Principal
from tenure.domain.clock import Clock
from tenure.domain.errors import InvalidInput
from tenure.domain.ids import IdSource
from tenure.domain.job import NewJob
from tenure.domain.lifecycle import Circumstances, ready
from tenure.domain.workflow import NewWorkflow, WorkflowState
from tenure.settings import Limits
from tenure.store import workflow_reads as reads
from tenure.store import workflows as verbs
from tenure.store.committer import Committer
from tenure.store.control import Action
from tenure.store.reader import Reader
from tenure.store.submits import Submission
from tenure.store.unit import Unit
from tenure.wire.base import Page, encode, time_out
from tenure.wire.workflows import Workflow, WorkflowDetail

MAX_PAGE = 100
DEFAULT_PAGE = 20


class Workflows:
    """Whole workflows. One is named by its id or an unambiguous beginning of it; every method that
    names one raises WorkflowNotFound, also for one that the caller may not see. Use from one event
    loop."""

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        id_source: IdSource,
        clock: Clock,
        limits: Limits,
        wakeups: Wakeups,
        concealment: Concealment,
        meter: Meter,
    ) -> None:
        self._concealment = concealment
        self._committer = committer
        self._reader = reader
        self._wakeups = wakeups
        self._ids = id_source
        self._clock = clock
        self._limits = limits
        self._meter = meter

    async def submit(
        self, body: bytes, principal: Principal, key: str | None = None, trace: str | None = None
    ) -> Receipt:
        """Submit a workflow from its JSON, all or nothing. `key`, `trace`: see `Submission.one`.

        Raises InvalidInput, MalformedBody, TooLarge, IdempotencyMismatch, TooMany, Unavailable,
        QuotaExceeded.
        """
        check_key(key)
        now = self._clock.now()
        graph = await self._check(body, now, principal, trace)
        self._meter.submitting(principal, len(graph.jobs))
        workflow_id, *ids = self._ids.make(now, len(graph.jobs) + 1)
        graph.connect(ids)
        workflow = NewWorkflow(workflow_id, graph.asked.name, principal.owner_id)
        answer = encode(_created(workflow, graph.jobs, now))
        request = Submission(
            graph.jobs,
            now,
            owner=principal.id or "",
            tied=True,
            workflow=workflow,
            pointer="/jobs/{}",
            only=principal.only,
            most_unfinished=self._meter.most_unfinished(principal),
        )
        if key is not None:
            request.key, request.answer = key, answer.decode()
            request.digest = hashlib.sha256(b"POST /api/workflows\x00" + body).hexdigest()
        submitted = await self._committer.submit(request)
        if submitted.replayed is not None:
            replay = submitted.replayed.encode()
            return Receipt(replay, id_of(replay), replayed=True)
        if submitted.existing:
            raise InvalidInput.field("Idempotency-Key", "was used before with a job")
        if graph.outward:  # a parent outside may have ended before
            answer = encode(await self._as_it_is(workflow_id, principal.only))
        return Receipt(answer, workflow_id)

    async def _check(
        self, body: bytes, now: int, principal: Principal, trace: str | None
    ) -> graphs.Graph:
        return await graphs.check(
            body,
            self._limits,
            now,
            principal.owner_id,
            scripts=principal.may(Permission.SCRIPT),
            trace=trace,
            check_masks=self._concealment.checks,
        )

    async def get(
        self,
        workflow_id: str,
        principal: Principal,
        seconds: float = 0.0,
        still: Check = allowed,
    ) -> WorkflowDetail:
        """One workflow with its jobs, as soon as all of them have ended or after `seconds`;
        `still` raises when the caller may wait no longer."""
        if seconds > 0:
            found = (await self._as_it_is(workflow_id, principal.only)).id
            read = partial(self._reader.run, lambda unit: reads.finished(unit, found))
            await self._wakeups.until(found, read, bool, seconds, still)
        return await self._reader.run(lambda unit: _detail(unit, workflow_id, principal.only))

    async def list(
        self,
        principal: Principal,
        *,
        status: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[Workflow]:
        """Workflows, newest first. Raises InvalidInput."""
        state = None if status is None else _state(status)
        below = None if after is None else cursors.to_workflow(after)
        size = queries.bounded("limit", limit, DEFAULT_PAGE, MAX_PAGE)
        rows, following = await self._reader.run(
            lambda unit: reads.workflows(unit, state, below, size, principal.only)
        )
        return Page(
            items=[present.workflow(row) for row in rows],
            next=None if following is None else cursors.of_workflow(following),
        )

    async def cancel(
        self, workflow_id: str, principal: Principal, reason: str | None = None
    ) -> Workflow:
        """Stop all its jobs. Repeatable. Raises IllegalTransition when it is finished."""
        return await self._act("cancel", verbs.cancel, workflow_id, principal, reason)

    async def retry(
        self, workflow_id: str, principal: Principal, reason: str | None = None
    ) -> Workflow:
        """Run again what did not end well. Raises IllegalTransition when there is nothing."""
        return await self._act("retry", verbs.retry, workflow_id, principal, reason)

    async def _act(
        self,
        event: str,
        verb: Callable[[Unit, str, Action], None],
        workflow_id: str,
        principal: Principal,
        reason: str | None,
    ) -> Workflow:
        act = action(principal, reason)

        def do(unit: Unit) -> None:
            row = reads.workflow(unit, reads.resolve(unit, workflow_id, act.only), act.only)
            verb(unit, row.id, act)
            if witness.of_others(principal, row.owner_id):
                was = {"status": row.state.value}
                witness.administered(
                    unit, f"workflow.{event}", principal, row.id, was, None, reason
                )

        await self._committer.run(do, key=workflow_id)
        return await self._as_it_is(workflow_id, act.only)

    async def _as_it_is(self, workflow_id: str, only: str | None) -> Workflow:
        """Read after the commit: what the transaction does to edges and counts comes last in it."""
        row = await self._reader.run(
            lambda unit: reads.workflow(unit, reads.resolve(unit, workflow_id, only), only)
        )
        return present.workflow(row)


def _state(word: str) -> WorkflowState:
    try:
        return WorkflowState(word.strip().lower())
    except ValueError:
        known = ", ".join(state.value for state in WorkflowState)
        raise InvalidInput.field("status", f"must be one of {known}") from None


def _detail(unit: Unit, workflow_id: str, only: str | None) -> WorkflowDetail:
    row = reads.workflow(unit, reads.resolve(unit, workflow_id, only), only)
    nodes = reads.nodes(unit, row.id)
    edges = reads.edges_of(unit, [node.job_id for node in nodes])
    return present.workflow_detail(row, nodes, edges)


def _created(workflow: NewWorkflow, jobs: list[NewJob], at: int) -> Workflow:
    """A workflow at the moment of its creation."""
    states = Counter(
        ready(
            Circumstances(
                edge_open=bool(job.edges),
                due_later=(job.spec.options.run_at or 0) > at,
                key_full=job.spec.options.concurrency_key is not None,
            )
        ).value
        for job in jobs
    )
    return Workflow(
        id=workflow.id,
        name=workflow.name,
        status=WorkflowState.RUNNING.value,
        jobs=dict(states),
        total=len(jobs),
        owner_id=workflow.owner_id,
        created_at=time_out(at),
    )
