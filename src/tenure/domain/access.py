"""Who may do what: permissions by effect, and who is asking.

Every route declares one `Permission`; a route without one is refused at start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tenure.domain.errors import FieldError, Forbidden

SCRIPT_TYPES = frozenset({"python", "shell"})
"""Types of jobs that carry their own code: they need `Permission.SCRIPT` wherever they come
from."""


class Role(StrEnum):
    ADMIN = "admin"
    USER = "user"
    VIEWER = "viewer"
    WORKER = "worker"


class Permission(StrEnum):
    OPEN = "open"
    """Anyone, also without authentication: probes, login."""
    KNOWN = "known"
    """Whoever is known, whatever the scopes: asking who one is."""
    READ = "read"
    SUBMIT = "submit"
    """Submit jobs; a worker only with a `parent` it runs."""
    EXECUTE = "execute"
    """Whatever else makes code run: retry, resume, schedules, workflows. Includes SUBMIT."""
    CONTROL = "control"
    """Cancel, pause, edit, delete."""
    SCRIPT = "script"
    """Submit jobs that carry their own code."""
    WORK = "work"
    """The worker routes."""
    ACCOUNT = "account"
    """One's own account: password, sessions, tokens."""
    ADMINISTER = "administer"


GRANTS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.USER: frozenset(
        {
            Permission.OPEN,
            Permission.KNOWN,
            Permission.READ,
            Permission.SUBMIT,
            Permission.EXECUTE,
            Permission.CONTROL,
            Permission.ACCOUNT,
        }
    ),
    Role.VIEWER: frozenset(
        {Permission.OPEN, Permission.KNOWN, Permission.READ, Permission.ACCOUNT}
    ),
    Role.WORKER: frozenset({Permission.OPEN, Permission.KNOWN, Permission.WORK, Permission.SUBMIT}),
}


NOBODY = "00000000-0000-0000-0000-000000000000"
"""Owns nothing."""


class Kind(StrEnum):
    """What a caller showed to be known."""

    LOCAL = "local"
    """Nothing: the installation has no authentication."""
    USER = "user"
    API_TOKEN = "api_token"  # noqa: S105 - a kind, no secret
    WORKER_TOKEN = "worker_token"  # noqa: S105
    """With it a worker registers, and can do nothing else."""
    WORKER = "worker"
    """The session of one registered worker."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    `id`: of the user, who owns what is made (None for the local Admin); of the worker or worker
    token otherwise, which own nothing. `name` is for people. `scopes` narrows what the role grants,
    `queues` what a worker may serve; None narrows nothing. `token_id`: of the token that was shown,
    or that a worker registered with. `address`: where the call came from, where that is kept.
    """

    role: Role
    id: str | None = None
    name: str = ""
    kind: Kind = Kind.USER
    scopes: frozenset[Permission] | None = None
    queues: frozenset[str] | None = None
    token_id: str | None = None
    address: str | None = None

    def may(self, permission: Permission) -> bool:
        return permission in GRANTS[self.role] and (
            self.scopes is None or permission in self.scopes
        )

    def check(self, permission: Permission) -> None:
        """Raises Forbidden without the permission."""
        if not self.may(permission):
            raise Forbidden(f"this needs the permission {permission}")

    @property
    def only(self) -> str | None:
        """The owner whose objects are all that this caller sees and touches; None: everybody's."""
        return (self.id or NOBODY) if self.role is Role.USER else None

    @property
    def owner_id(self) -> str | None:
        """Who owns what this caller makes."""
        return None if self.role is Role.WORKER else self.id

    def check_worker(self, worker_id: str) -> None:
        """Raises Forbidden unless this is the session of that worker, or nobody is asked."""
        if self.kind is not Kind.LOCAL and (self.kind is not Kind.WORKER or self.id != worker_id):
            raise Forbidden("this needs the session token of that worker")

    def check_queues(self, queues: Iterable[str]) -> None:
        """Raises Forbidden when a token that is limited to queues asks for another."""
        if self.queues is not None and (others := sorted(set(queues) - self.queues)):
            raise Forbidden(f"this token does not serve the queue {others[0]}")


def no_scripts(type_: str, pointer: str = "") -> Forbidden:
    """The refusal of a job of a script type, which is found at a JSON pointer."""
    detail = f"jobs of type {type_} carry their own code: they need the permission script"
    return Forbidden(detail, errors=(FieldError(f"{pointer}/type", detail),))


def narrowed(scopes: Iterable[Permission]) -> frozenset[Permission]:
    """Scopes with what they include."""
    found = {Permission.OPEN, Permission.KNOWN, *scopes}
    if Permission.EXECUTE in found:
        found.add(Permission.SUBMIT)
    return frozenset(found)


LOCAL_ADMIN = Principal(Role.ADMIN, name="local", kind=Kind.LOCAL)
