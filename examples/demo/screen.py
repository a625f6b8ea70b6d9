"""What a person sees: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from examples.demo.mix import Kind
from tenure.wire.jobs import Job


class Screen:
    """`show` may be called as often as one likes; without a terminal it speaks once a second."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
        self._live = Live(console=self.console, transient=True, refresh_per_second=8)
        self._began = time.monotonic()
        self._spoke = 0.0

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """One line that stays."""
        self.console.print(
            f"[dim]{time.monotonic() - self._began:5.1f} s[/]  {text}", soft_wrap=True
        )

    def show(self, kinds: Sequence[Kind], long: Sequence[Job], names: dict[str, str]) -> None:
        """The state of things. `names`: worker id to name."""
        if self.console.is_terminal:
            self._live.update(Group(_counts(kinds), _bars(long, names)))
        elif time.monotonic() - self._spoke >= 1:
            self._spoke = time.monotonic()
            counts = ", ".join(f"{k.title} {len(k.ended)}/{len(k.ids)}" for k in kinds)
            far = sum(_fraction(job) for job in long) / max(1, len(long))
            self.say(f"ended: {counts}; the long ones are at {far:.0%}")


def _fraction(job: Job) -> float:
    if job.finished:
        return 1.0
    return (job.progress.fraction or 0.0) if job.progress else 0.0


def _counts(kinds: Sequence[Kind]) -> Table:
    table = Table("kind", "", "jobs", "ended", box=None, padding=(0, 2))
    for kind in kinds:
        table.add_row(kind.title, kind.about, str(len(kind.ids)), str(len(kind.ended)))
    return table


def _bars(long: Sequence[Job], names: dict[str, str]) -> Table:
    table = Table("long job", "progress", "", "where", box=None, padding=(0, 2))
    for job in long:
        far = _fraction(job)
        where = names.get(job.worker_id or "", "") if job.status == "running" else job.status
        table.add_row(
            job.name or job.id, ProgressBar(100, far * 100, width=30), f"{far:4.0%}", where
        )
    return table


def summary(kinds: Sequence[Kind]) -> Table:
    """How everything ended."""
    table = Table(
        "kind", "", "jobs", "ended as", "runs", "lost", "good", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for kind in kinds:
        jobs = list(kind.ended.values())
        ended = ", ".join(f"{count} {status}" for status, count in kind.statuses.items())
        good = kind.statuses == {kind.expected: len(kind.ids)}
        attempts, lost = sum(job.attempt for job in jobs), sum(job.lost for job in jobs)
        numbers = str(len(kind.ids)), ended, str(attempts), str(lost)
        table.add_row(kind.title, kind.about, *numbers, "yes" if good else "NO")
    return table
