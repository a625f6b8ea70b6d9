"""What `tenure top` shows at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tenure.cli.output import cell
from tenure.cli.show import QUEUES, WORKERS
from tenure.telemetry.text import one_line

if TYPE_CHECKING:
    from tenure.wire.queues import Queue
    from tenure.wire.system import Stats
    from tenure.wire.workers import Worker

_WIDTH = 120
"""Columns where there is no terminal."""
_RATES = ("submitted", "completed", "failed", "retried")
_QUEUE_COLUMNS = ("name", "pending", "running", "scheduled", "oldest pending", "workers", "limits")
_WORKER_COLUMNS = ("name", "state", "running", "queues", "host")


@dataclass(frozen=True, slots=True)
class Look:
    """What was read at `at`, a moment of the monotonic clock in seconds."""

    at: float
    stats: Stats
    queues: Sequence[Queue]
    workers: Sequence[Worker]


def record(look: Look) -> Mapping[str, Any]:
    """A look for programs."""
    return {"stats": look.stats, "queues": look.queues, "workers": look.workers}


@dataclass(frozen=True, slots=True)
class Frame:
    """One look, and what happened since the one before: rates need two. Rich can draw it; it takes
    as many rows of each table as the screen has room for."""

    url: str
    look: Look
    rates: Mapping[str, float] | None = None
    note: str = ""

    def then(self, look: Look) -> Frame:
        """The frame of a later look."""
        seconds = max(look.at - self.look.at, 0.001)
        totals, before = look.stats.totals, self.look.stats.totals
        rates = {name: max(totals[name] - before[name], 0) / seconds for name in _RATES}
        return Frame(self.url, look, rates)

    def stale(self, note: str) -> Frame:
        """The same numbers, and why there are no newer ones."""
        return replace(self, note=note)

    def lines(self) -> list[str]:
        """As plain text, with every row."""
        console = Console(width=_WIDTH, color_system=None, force_terminal=False)
        with console.capture() as drawn:
            console.print(Group(*self._parts(None)))
        return [line.rstrip() for line in drawn.get().splitlines()]

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        yield from self._parts(options.max_height)

    def _parts(self, height: int | None) -> Iterator[RenderableType]:
        head = [*self._head()]
        yield from head
        queues = sorted(self.look.queues, key=_busy, reverse=True)
        workers = [worker for worker in self.look.workers if worker.state != "gone"]
        workers.sort(key=lambda worker: (-worker.running, worker.name))
        left = None if height is None else max(height - len(head) - 4, 2)
        room = left if left is None else max(left - len(workers), left // 2)
        yield _table("QUEUES", queues[:room], QUEUES, _QUEUE_COLUMNS)
        yield Text()
        rest = None if left is None else max(left - len(queues[:room]), 1)
        yield _table("WORKERS", workers[:rest], WORKERS, _WORKER_COLUMNS)

    def _head(self) -> Iterator[Text]:
        stats, workers = self.look.stats, self.look.workers
        serving = [worker for worker in workers if worker.state in ("online", "draining")]
        slots = sum(worker.slots for worker in serving)
        running = sum(worker.running for worker in serving)
        yield Text(f"tenure {self.url}  {stats.as_of:%H:%M:%S} UTC", style="bold")
        if self.note:
            yield Text(one_line(self.note), style="red")
        yield _line("jobs", stats.active.items())
        yield _line("last h", ((name, stats.last_hour[name]) for name in _RATES))
        rates = {} if self.rates is None else self.rates
        shown = ((name, f"{rates[name]:.1f}/s" if rates else "-") for name in _RATES)
        yield _line("now", shown)
        yield _line("fleet", [("workers", len(serving)), ("slots in use", f"{running} of {slots}")])
        yield Text()


def _busy(queue: Queue) -> tuple[int, int]:
    return (queue.counts.get("running", 0), queue.counts.get("pending", 0))


def _line(title: str, numbers: Iterable[tuple[str, Any]]) -> Text:
    counted = "   ".join(f"{name} {value}" for name, value in numbers)
    return Text(f"{title:<8} {counted}", no_wrap=True, overflow="ellipsis")


def _table(title: str, rows: Sequence[Any], columns: Any, wanted: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in wanted:
        table.add_column(title if name == "name" else name, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(cell(columns[name](row))) for name in wanted))
    return table
