"""The routes of dead letters. Replay and purge are operations on a filter."""

from __future__ import annotations

from litestar import get
from litestar.params import FromPath, FromQuery

from tenure.api.exchange import Answer, Ask, answer, coordinator, principal_of
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.wire.deadletters import DeadLetterGroups, DeadLetters


@get(
    "/api/dead-letters",
    operation_id="list_dead_letters",
    summary="Failed jobs grouped by their error, the largest group first",
    opt=allow(Permission.READ, answers={200: DeadLetterGroups}),
)
async def list_dead_letters(
    request: Ask, q: FromQuery[str | None] = None, limit: FromQuery[int | None] = None
) -> Answer:
    office = coordinator(request).dead_letters
    return answer(await office.list(principal_of(request), q=q, limit=limit))


@get(
    "/api/dead-letters/{fingerprint:str}",
    operation_id="get_dead_letters",
    summary="Failed jobs of one fingerprint",
    opt=allow(Permission.READ, answers={200: DeadLetters}),
)
async def get_dead_letters(request: Ask, fingerprint: FromPath[str]) -> Answer:
    office = coordinator(request).dead_letters
    return answer(await office.get(fingerprint, principal_of(request)))


ROUTES = [list_dead_letters, get_dead_letters]
