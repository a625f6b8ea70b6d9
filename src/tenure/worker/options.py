"""What a worker is told at its start."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from typing import Literal, Self

from tenure.domain.errors import ConfigurationError
from tenure.domain.job import DEFAULT_QUEUE
from tenure.settings import Settings
from tenure.wire.leases import MAX_QUEUES, MAX_SLOTS

LogTerms = tuple[str, Literal["text", "json"]]


def _name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """`token` is the one workers register with, `ca_file` as in `Client`, `name` defaults to host
    and process id. `tracing` and `metrics_*` are for `serve`: spans for OpenTelemetry, and a port
    for Prometheus (None: no port). `log` is the level and format that child processes log in
    (None: as they like).

    Raises ConfigurationError for impossible values.
    """

    url: str = "http://127.0.0.1:5000"
    token: str | None = None
    ca_file: str | None = None
    name: str = field(default_factory=_name)
    queues: tuple[str, ...] = (DEFAULT_QUEUE,)
    slots: int = 10
    drain_grace_seconds: float = 30.0
    labels: dict[str, str] = field(default_factory=dict)
    tracing: bool = False
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    log: LogTerms | None = None

    @classmethod
    def of(cls, settings: Settings, name: str | None = None) -> Self:
        """The options that `settings` hold. Raises ConfigurationError."""
        return cls(
            url=settings.coordinator_url,
            token=settings.token,
            ca_file=settings.tls_ca,
            name=name or _name(),
            queues=settings.queues,
            slots=settings.slots,
            drain_grace_seconds=settings.drain_grace.total_seconds(),
            tracing=settings.tracing,
            metrics_host=settings.metrics_host,
            metrics_port=settings.metrics_port,
            log=(settings.log_level, settings.log_format),
        )

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= MAX_SLOTS:
            raise ConfigurationError(f"slots: must be from 1 to {MAX_SLOTS}")
        if not 1 <= len(self.queues) <= MAX_QUEUES:
            raise ConfigurationError(f"queues: from 1 to {MAX_QUEUES} names")
        if self.drain_grace_seconds < 0:
            raise ConfigurationError("drain_grace: must not be negative")
