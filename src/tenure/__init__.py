"""Tenure: a distributed job scheduler.

Everything public is named here and imported when it is first used, so that `import tenure` costs
nothing. Workers and clients need no server code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenure.client.asynchronous import AsyncClient
    from tenure.client.blocking import Client
    from tenure.client.submission import Submitted
    from tenure.domain.errors import (
        ConfigurationError,
        Conflict,
        FieldError,
        Forbidden,
        IdempotencyMismatch,
        IllegalTransition,
        InvalidInput,
        JobNotFound,
        LeaseLost,
        NotFound,
        OperationNotFound,
        PreconditionFailed,
        QueueNotFound,
        RunNotFound,
        ScheduleNotFound,
        TenureError,
        TooLarge,
        TooMany,
        Unauthenticated,
        Unavailable,
        Unreachable,
        VersionConflict,
        WaitTimeout,
        WorkerNotFound,
        WorkflowNotFound,
    )
    from tenure.domain.retry import RetryPolicy
    from tenure.domain.run import Cancel, Fail, Retry, Snooze
    from tenure.worker.context import Context
    from tenure.worker.registry import handler

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "Cancel",
    "Client",
    "ConfigurationError",
    "Conflict",
    "Context",
    "Fail",
    "FieldError",
    "Forbidden",
    "IdempotencyMismatch",
    "IllegalTransition",
    "InvalidInput",
    "JobNotFound",
    "LeaseLost",
    "NotFound",
    "OperationNotFound",
    "PreconditionFailed",
    "QueueNotFound",
    "Retry",
    "RetryPolicy",
    "RunNotFound",
    "ScheduleNotFound",
    "Snooze",
    "Submitted",
    "TenureError",
    "TooLarge",
    "TooMany",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "VersionConflict",
    "WaitTimeout",
    "WorkerNotFound",
    "WorkflowNotFound",
    "__version__",
    "handler",
]

_HOMES = {
    "AsyncClient": "tenure.client.asynchronous",
    "Cancel": "tenure.domain.run",
    "Client": "tenure.client.blocking",
    "Context": "tenure.worker.context",
    "Fail": "tenure.domain.run",
    "Retry": "tenure.domain.run",
    "RetryPolicy": "tenure.domain.retry",
    "Snooze": "tenure.domain.run",
    "Submitted": "tenure.client.submission",
    "handler": "tenure.worker.registry",
}


def __getattr__(name: str) -> Any:
    """The public name, from its module. Errors are the only ones without an entry in `_HOMES`."""
    if name not in __all__:
        raise AttributeError(f"module 'tenure' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES.get(name, "tenure.domain.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
