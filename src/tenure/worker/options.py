"""What a worker is told at its start."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field

from tenure.domain.errors import ConfigurationError
from tenure.domain.job import DEFAULT_QUEUE
from tenure.wire.leases import MAX_SLOTS

MAX_QUEUES = 100


def default_name() -> str:
    """Host and process id."""
    return f"{socket.gethostname()}-{os.getpid()}"


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """`token` is the one workers register with. Raises ConfigurationError for impossible values."""

    url: str = "http://127.0.0.1:5000"
    token: str | None = None
    name: str = field(default_factory=default_name)
    queues: tuple[str, ...] = (DEFAULT_QUEUE,)
    slots: int = 10
    drain_grace_seconds: float = 30.0
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= MAX_SLOTS:
            raise ConfigurationError(f"slots: must be from 1 to {MAX_SLOTS}")
        if not 1 <= len(self.queues) <= MAX_QUEUES:
            raise ConfigurationError(f"queues: from 1 to {MAX_QUEUES} names")
        if self.drain_grace_seconds < 0:
            raise ConfigurationError("drain_grace: must not be negative")
