"""Who may do what: permissions by effect, and who is asking.

Every route declares one `Permission`; a route without one is refused at start.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    USER = "user"
    VIEWER = "viewer"
    WORKER = "worker"


class Permission(StrEnum):
    OPEN = "open"
    """Anyone, also without authentication: probes."""
    READ = "read"
    EXECUTE = "execute"
    """Submit, retry, resume: makes code run."""
    CONTROL = "control"
    """Cancel, pause, edit, delete."""
    SCRIPT = "script"
    """Submit jobs that carry their own code."""
    WORK = "work"
    """The worker routes."""
    ADMINISTER = "administer"


GRANTS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.USER: frozenset(
        {Permission.OPEN, Permission.READ, Permission.EXECUTE, Permission.CONTROL}
    ),
    Role.VIEWER: frozenset({Permission.OPEN, Permission.READ}),
    Role.WORKER: frozenset({Permission.OPEN, Permission.WORK}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `id` is None for the local Admin of an installation without authentication."""

    role: Role
    id: str | None = None

    def may(self, permission: Permission) -> bool:
        return permission in GRANTS[self.role]


LOCAL_ADMIN = Principal(Role.ADMIN)
