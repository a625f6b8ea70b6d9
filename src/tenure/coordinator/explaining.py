"""Why a job is where it is."""

from __future__ import annotations

from tenure.domain import explain as rules
from tenure.domain.access import Principal
from tenure.store import reads
from tenure.store.explaining import situation
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire.base import maybe_time_out, time_out
from tenure.wire.explaining import Explanation, Why


async def explain(reader: Reader, job_id: str, principal: Principal) -> Explanation:
    """The reasons, from one read. Raises JobNotFound, also for a job the caller may not see."""
    return await reader.run(lambda unit: _explain(unit, job_id, principal.only))


def _explain(unit: Unit, given: str, only: str | None) -> Explanation:
    job_id = reads.resolve(unit, given, only)
    found = situation(unit, job_id, only)
    return Explanation(
        job_id=job_id,
        status=found.state.value,
        reasons=[_out(why) for why in rules.explain(found, unit.now)],
        estimated_start_at=maybe_time_out(rules.estimated_start(found, unit.now)),
        as_of=time_out(unit.now),
    )


def _out(why: rules.Why) -> Why:
    return Why(
        cause=why.cause.value,
        detail=why.detail,
        at=maybe_time_out(why.at),
        number=why.number,
        limit=why.limit,
        actor=why.actor,
        comment=why.comment,
        job_ids=list(why.job_ids),
        worker_id=why.worker_id,
        schedule_id=why.schedule_id,
    )
