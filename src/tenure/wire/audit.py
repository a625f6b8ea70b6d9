"""The audit over HTTP."""

from __future__ import annotations

from typing import Any

from tenure.wire.base import Input, Instant, Output, Page, Text, Time


class AuditQuery(Input):
    """What lines to show; each condition is exact, all of them hold."""

    action: Text | None = None
    actor: Text | None = None
    target: Text | None = None
    target_id: Text | None = None
    address: Text | None = None
    since: Instant | None = None
    until: Instant | None = None


class AuditLine(Output, kw_only=True):
    """One act. `actor` is the name then (or, for a login that failed, the name that was claimed),
    `actor_id` is null for the local administrator, an unknown caller and the coordinator itself.
    `place` and `digest` come a moment after the line."""

    id: str
    at: Time
    action: str
    actor_id: str | None = None
    actor: str | None = None
    role: str | None = None
    token_id: str | None = None
    address: str | None = None
    target: str | None = None
    target_id: str | None = None
    reason: str | None = None
    before: Any = None
    after: Any = None
    place: int | None = None
    digest: str | None = None


class AuditPage(Page[AuditLine], kw_only=True):
    """Lines, newest first. `head`: place and digest of the end of the chain, to note elsewhere."""

    head: str
