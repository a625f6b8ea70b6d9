"""What the store must do with recurring jobs, written a second time. A time is a nominal one."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.store.model_graphs import Graphs


@dataclass
class Schedule:
    """`every`, the spans and all times are microseconds. `next` is None at its end."""

    id: str
    every: int
    anchor: int
    end_at: int | None
    overlap: str
    misfire: str
    misfire_after: int
    window: int | None
    most: int
    next: int | None
    key: str | None = None
    """The concurrency key of its jobs."""
    paused: bool = False
    paused_until: int = 0
    outcomes: dict[int, str] = field(default_factory=dict)
    """What became of each time that was decided."""
    backfilled: set[int] = field(default_factory=set)

    def take_due(self, now: int) -> list[int]:
        """The times up to now, decided now; the schedule goes on behind them."""
        due = []
        while self.next is not None and self.next <= now:
            due.append(self.next)
            after = self.next + self.every
            self.next = after if self.end_at is None or after <= self.end_at else None
        return due


Fire = tuple[str, int]
"""Schedule and nominal time."""


class Model(Graphs):
    """Jobs, graphs and schedules."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self.schedules: dict[str, Schedule] = {}

    def due_schedules(self) -> list[Schedule]:
        found = (one for one in self.schedules.values() if not one.paused)
        return [one for one in found if one.next is not None and one.next <= self.now]

    def moments(self) -> list[int]:
        ahead = {one.next for one in self.schedules.values() if one.next and one.next > self.now}
        return sorted({*super().moments(), *ahead})

    def fire(self) -> list[Fire]:
        """Decide about everything due; what a job is submitted for."""
        return [
            (one.id, at)
            for one in self.due_schedules()
            for at in self._decide(one, one.take_due(self.now))
            if at not in one.backfilled
        ]

    def _busy(self, one: Schedule) -> bool:
        mine = [job for job in self.jobs.values() if job.schedule == one.id]
        return not all(map(self.final, mine))

    def _decide(self, one: Schedule, due: list[int]) -> list[int]:
        active = [at for at in due if at > one.paused_until]
        late = [at for at in active if self.now - at > one.misfire_after]
        on_time = [at for at in active if at not in late]
        made_up = [at for at in late if one.window is None or self.now - at <= one.window]
        if one.misfire == "all":
            made_up = made_up[-one.most :]
        else:
            made_up = made_up[-1:] if one.misfire == "latest" and not on_time else []
        whatever = made_up if one.misfire == "all" else []
        wanted = [at for at in made_up + on_time if at not in whatever]
        fires = whatever + self._overlapping(one, wanted)
        for at in due:
            if at in fires:
                one.outcomes[at] = "fired"
            elif at not in active:
                one.outcomes[at] = "paused"
            else:
                one.outcomes[at] = "overlapped" if at in wanted else "missed"
        return fires

    def _overlapping(self, one: Schedule, wanted: list[int]) -> list[int]:
        """Which of the times that would fire do fire, beside the jobs of earlier ones."""
        if one.overlap == "allow" or not wanted:
            return wanted
        if one.overlap == "skip":
            return [] if self._busy(one) else wanted[:1]
        for job in self.jobs.values():
            if job.schedule == one.id and not self.final(job):
                self.cancel(job.id)
        return wanted[-1:]

    def pause_schedule(self, id_: str) -> None:
        self.schedules[id_].paused = True

    def resume_schedule(self, id_: str) -> None:
        one = self.schedules[id_]
        if one.paused:
            one.paused_until = self.now if one.next is not None and one.next <= self.now else 0
        one.paused = False

    def backfill(self, id_: str, times: list[int]) -> list[Fire]:
        """What a job is submitted for."""
        one = self.schedules[id_]
        new = [at for at in times if one.outcomes.get(at) != "fired" and at not in one.backfilled]
        one.backfilled |= set(new)
        return [(id_, at) for at in new]

    def ledger(self) -> list[tuple[str, int, str]]:
        """Every time with its outcome; one that was made up by hand twice."""
        rows = []
        for one in self.schedules.values():
            decided = [at for at, what in one.outcomes.items() if what != "fired"]
            fired = [at for at in one.outcomes if at not in decided and at not in one.backfilled]
            rows += [(one.id, at, one.outcomes[at]) for at in (*decided, *fired)]
            rows += [(one.id, at, "backfilled") for at in one.backfilled]
        return sorted(rows)
