"""What a caller does to something, as the store is told: who, why, whose, and scripts or not."""

from __future__ import annotations

from tenure.domain.access import Permission, Principal
from tenure.store.control import Action


def action(principal: Principal, reason: str | None = None) -> Action:
    """The act of a caller."""
    return Action(principal.id or "local", reason, principal.only, principal.may(Permission.SCRIPT))
