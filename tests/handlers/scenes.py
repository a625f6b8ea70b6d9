"""What the handlers' tests share: a context that keeps what it is told."""

from __future__ import annotations

import os
from pathlib import Path

from tenure.worker.context import Context
from tests.worker.scenes import lease


class Told:
    """A channel that keeps progress, log lines and checkpoints."""

    def __init__(self) -> None:
        self.cancelled = False
        self.progress: list[tuple[float | None, str | None]] = []
        self.lines: list[tuple[str, str]] = []
        self.checkpoints: list[bytes] = []

    def note_progress(self, fraction: float | None, message: str | None) -> None:
        self.progress.append((fraction, message))

    def note_checkpoint(self, value: bytes) -> None:
        self.checkpoints.append(value)

    def note_log(self, level: str, text: str) -> None:
        self.lines.append((level, text))

    @property
    def text(self) -> str:
        """All logged lines."""
        return "\n".join(text for _, text in self.lines)


def context(told: Told, **changes: object) -> Context:
    return Context(lease(**changes), told)  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def children() -> set[int]:
    """Processes whose parent is this one."""
    text = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    return {int(pid) for pid in text.split()}
