"""The audit in both clients."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from tenure.client.call import Call, path, reads
from tenure.wire.audit import AuditPage

_page = reads(AuditPage)


class AuditFilter(TypedDict, total=False):
    """What lines to show; each condition is exact, all of them hold. Times are aware."""

    action: str
    actor: str
    target: str
    target_id: str
    address: str
    since: datetime | str
    until: datetime | str


def page(shown: AuditFilter, limit: int | None, after: str | None) -> Call[AuditPage]:
    """One page of the audit."""
    query = {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in shown.items()
    }
    return Call("GET", path("audit", **query, limit=limit, after=after), _page, repeatable=True)
