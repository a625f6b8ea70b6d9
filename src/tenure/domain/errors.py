"""Every error of the project, in one tree.

TenureError
├── InvalidInput          422  a value that is well-formed but wrong; names each field
│   ├── IdempotencyMismatch    the key was used with another body
│   └── UnknownField           a field nobody knows, with the nearest known name
├── MalformedBody         400  not JSON, not UTF-8
│   └── TooDeep                nested deeper than the decoder goes
├── NotAcceptableType     415  a Content-Type the route does not take
├── TooLarge              413  a body or value above its limit
├── NotFound              404
│   ├── JobNotFound / RunNotFound / WorkerNotFound / QueueNotFound
│   ├── WorkflowNotFound / OperationNotFound / ScheduleNotFound
│   ├── UserNotFound / TokenNotFound
│   └── WorkerUnknown          the coordinator forgot this worker: register again
├── MethodNotAllowed      405
├── Conflict              409
│   ├── LeaseLost              the fence is stale or foreign
│   ├── VersionConflict        `version` in the body is not the current one
│   ├── UniqueTaken            the unique key belongs to another job
│   └── IllegalTransition      the job's state does not allow the event
├── PreconditionFailed    412  If-Match does not name the current version
├── Unauthenticated       401
├── Forbidden             403
├── TooMany               429  with `retry_after`
│   └── QuotaExceeded          a user has, or does, as much as one user may
├── Unavailable           503  with `retry_after`; the outcome may be unknown
├── InternalError         500  a fault of ours; the text stays in the log
├── Unreachable           raised by clients: no coordinator answered
├── WaitTimeout           raised by clients: the job did not finish in time
└── ConfigurationError    raised at start: a setting, a migration, a lock

`code` is stable and travels in problem+json, so that a client raises the same class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: `pointer` is a JSON pointer (RFC 6901), "" for the whole body."""

    pointer: str
    detail: str


class TenureError(Exception):
    """Base of all errors. `detail` is plain text for a person, without values of secrets."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = errors
        self.retry_after = retry_after


class InvalidInput(TenureError):
    code = "invalid_input"
    title = "Invalid input"

    @classmethod
    def field(cls, pointer: str, detail: str) -> InvalidInput:
        """One field is wrong; `pointer` without its leading slash is taken as a top-level name."""
        pointer = pointer if pointer.startswith("/") or not pointer else f"/{pointer}"
        return cls(f"{pointer[1:] or 'body'}: {detail}", errors=(FieldError(pointer, detail),))


class IdempotencyMismatch(InvalidInput):
    code = "idempotency_mismatch"
    title = "Idempotency key used with another body"


class UnknownField(InvalidInput):
    code = "unknown_field"
    title = "Unknown field"


class MalformedBody(TenureError):
    code = "malformed_body"
    title = "Malformed body"


class TooDeep(MalformedBody):
    code = "too_deep"
    title = "Nested too deeply"


class NotAcceptableType(TenureError):
    code = "unsupported_media_type"
    title = "Unsupported media type"


class TooLarge(TenureError):
    code = "too_large"
    title = "Too large"


class NotFound(TenureError):
    code = "not_found"
    title = "Not found"


class JobNotFound(NotFound):
    code = "job_not_found"
    title = "Job not found"


class RunNotFound(NotFound):
    code = "run_not_found"
    title = "Run not found"


class WorkerNotFound(NotFound):
    code = "worker_not_found"
    title = "Worker not found"


class QueueNotFound(NotFound):
    code = "queue_not_found"
    title = "Queue not found"


class WorkflowNotFound(NotFound):
    code = "workflow_not_found"
    title = "Workflow not found"


class OperationNotFound(NotFound):
    code = "operation_not_found"
    title = "Operation not found"


class ScheduleNotFound(NotFound):
    code = "schedule_not_found"
    title = "Schedule not found"


class UserNotFound(NotFound):
    code = "user_not_found"
    title = "User not found"


class TokenNotFound(NotFound):
    code = "token_not_found"
    title = "Token not found"


class WorkerUnknown(NotFound):
    code = "worker_unknown"
    title = "Worker unknown, register again"


class MethodNotAllowed(TenureError):
    code = "method_not_allowed"
    title = "Method not allowed"


class Conflict(TenureError):
    code = "conflict"
    title = "Conflict"


class LeaseLost(Conflict):
    code = "lease_lost"
    title = "Lease lost"


class VersionConflict(Conflict):
    code = "version_conflict"
    title = "Changed by someone else"


class UniqueTaken(Conflict):
    code = "unique_taken"
    title = "Unique key taken"


class IllegalTransition(Conflict):
    code = "illegal_transition"
    title = "Not possible in this state"


class PreconditionFailed(TenureError):
    code = "precondition_failed"
    title = "Precondition failed"


class Unauthenticated(TenureError):
    code = "unauthenticated"
    title = "Not authenticated"


class Forbidden(TenureError):
    code = "forbidden"
    title = "Forbidden"


class TooMany(TenureError):
    code = "too_many"
    title = "Too many requests"


class QuotaExceeded(TooMany):
    code = "quota_exceeded"
    title = "Quota exceeded"


class Unavailable(TenureError):
    code = "unavailable"
    title = "Store unavailable"


class InternalError(TenureError):
    code = "internal_error"
    title = "Internal error"


class Unreachable(TenureError):
    code = "unreachable"
    title = "Coordinator unreachable"


class WaitTimeout(TenureError):
    code = "wait_timeout"
    title = "Wait timed out"


class ConfigurationError(TenureError):
    code = "configuration_error"
    title = "Configuration error"


def by_code() -> dict[str, type[TenureError]]:
    """`code` to class for the tree of this module, the way back from problem+json."""
    found: dict[str, type[TenureError]] = {}
    waiting: list[type[TenureError]] = [TenureError]
    while waiting:
        cls = waiting.pop()
        found[cls.code] = cls
        waiting.extend(sub for sub in cls.__subclasses__() if sub.__module__ == __name__)
    return found
