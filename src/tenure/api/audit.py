"""The route of the audit."""

from __future__ import annotations

from litestar import get
from litestar.params import FromQuery

from tenure.api.exchange import Answer, Ask, answer, coordinator
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.wire.audit import AuditPage


@get(
    "/api/audit",
    operation_id="list_audit",
    summary="Who did what, newest first",
    opt=allow(Permission.ADMINISTER, answers={200: AuditPage}),
)
async def list_audit(
    request: Ask,
    action: FromQuery[str | None] = None,
    actor: FromQuery[str | None] = None,
    target: FromQuery[str | None] = None,
    target_id: FromQuery[str | None] = None,
    address: FromQuery[str | None] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
    after: FromQuery[str | None] = None,
) -> Answer:
    asked = {
        "action": action, "actor": actor, "target": target, "target_id": target_id,
        "address": address, "since": since, "until": until,
    }  # fmt: skip
    return answer(await coordinator(request).auditing.list(asked, limit=limit, after=after))


ROUTES = [list_audit]
