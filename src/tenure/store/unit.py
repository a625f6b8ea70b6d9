"""One transaction as its verbs see it, and what it says when it has committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from tenure.domain import histogram
from tenure.domain.clock import MINUTE
from tenure.domain.edges import Condition, Join
from tenure.domain.ids import IdSource
from tenure.domain.lifecycle import JobState
from tenure.store import tables as t
from tenure.store.dialect import Dialect, Moving
from tenure.store.measured import Measured

Lane = tuple[str, str]
"""A queue and a type: the range of the ready index a claim reads."""

Ended = tuple[str, JobState, int]
"""A job that reached a final state: its id, that state, its ties."""


class ClosedEdge(NamedTuple):
    """`job_id` waited for a job that ended in `parent_state`."""

    job_id: str
    on: Condition
    join: Join
    parent_state: JobState


class Unit:
    """A transaction in progress: connection, time, and what to tell after the commit.

    `now` (microseconds) is the coordinator's clock at its start. `ids` names what verbs make up
    themselves. `ready` counts the jobs that became claimable less those claimed again inside;
    `woken` holds the workers a cancel or drain is for; `finished` the jobs and workflows that
    reached a final state; `logged` the jobs whose log grew; `due` the earliest instant for which a
    job was scheduled, `fires_due` the same of a schedule. `ended` holds the ended jobs that others
    feel, `closed` edges whose parent had ended before, `reopened` jobs of workflows that left a
    final state, `contended` the concurrency keys that may admit a job: what `ties.settle` works
    off. `freed` counts what governed queues may give more than before; `opens` says of queues that
    gave too little when to ask again, and for how many jobs. `audited` counts lines of the audit.
    `watched` names the topics that rules of notifications are about, `happened` what of them
    happened (topic, subject, detail). `tally` is what `stats` counts, `measured` what only
    metrics show. Verbs raise TenureError only before their first write.
    """

    __slots__ = (
        "audited", "closed", "conn", "contended", "coordinator_id", "dialect", "due", "ended",
        "finished", "fires_due", "freed", "happened", "ids", "logged", "measured", "now", "opens",
        "ready", "reopened", "steps", "tally", "watched", "woken",
    )  # fmt: skip

    def __init__(
        self,
        conn: sa.Connection,
        dialect: Dialect,
        now: int,
        coordinator_id: str,
        ids: IdSource | None = None,
        watched: frozenset[str] = frozenset(),
    ) -> None:
        self.ids = ids or IdSource()
        self.conn = conn
        self.dialect = dialect
        self.now = now
        self.coordinator_id = coordinator_id
        self.ready: Counter[Lane] = Counter()
        self.woken: set[str] = set()
        self.finished: list[str] = []
        self.logged: set[str] = set()
        self.due: int | None = None
        self.ended: list[Ended] = []
        self.closed: list[ClosedEdge] = []
        self.reopened: list[tuple[str, JobState]] = []
        self.fires_due: int | None = None
        self.contended: set[str] = set()
        self.audited = 0
        self.freed: Counter[str] = Counter()
        self.opens: dict[str, tuple[int, int]] = {}
        self.steps: dict[str, int] | None = None
        """What `ranking` has read: the step of priority of every queue with aging."""
        self.watched = watched
        self.happened: list[tuple[str, str, str | None]] = []
        self.tally: Counter[tuple[str, str, str]] = Counter()
        self.measured = Measured()

    def execute(
        self, statement: sa.Executable, rows: list[Any] | None = None, **params: Any
    ) -> Any:
        """Run one statement; `rows` travel as its batch."""
        if rows is not None:
            params["batch"] = _batch(rows)
        return self.conn.execute(statement, params)

    def rows(
        self, statement: sa.Select[Any], rows: list[Any] | None = None, **params: Any
    ) -> list[Any]:
        """Read a statement made by `dialect.read`; `rows` travel as its batch."""
        if rows is not None:
            params["batch"] = _batch(rows)
        return list(self.dialect.rows(self.conn, statement, params))

    def move(self, moving: Moving, rows: list[Any], **params: Any) -> list[Any]:
        """Run a move made by `dialect.move` over a batch; what it says moved."""
        return moving.run(self.conn, params | {"batch": _batch(rows)})

    def schedule(self, at: int) -> None:
        """Note that the promoter has something to do at an instant (microseconds)."""
        if self.due is None or at < self.due:
            self.due = at

    def fire_at(self, at: int) -> None:
        """Note that the ticker has something to do at an instant (microseconds)."""
        if self.fires_due is None or at < self.fires_due:
            self.fires_due = at

    def count(self, queue: str, type_: str, measure: str, by: int = 1) -> None:
        """Add to a statistic of this minute."""
        self.tally[queue, type_, measure] += by

    def observe(self, lane: Lane, measure: str, spans: Sequence[int], outcome: str = "") -> None:
        """Add spans (microseconds) to a histogram of this minute; only metrics keep `outcome`."""
        buckets = Counter(map(histogram.bucket, spans))
        self.measured.add((measure, *lane, outcome), buckets, sum(spans))
        for index, number in buckets.items():
            self.tally[lane[0], lane[1], f"{measure}:{index}"] += number

    def absorb(self, other: Unit) -> None:
        """Add what another unit of the same transaction has to tell."""
        self.ready.update(other.ready)
        self.woken |= other.woken
        self.finished += other.finished
        self.ended += other.ended
        self.closed += other.closed
        self.reopened += other.reopened
        self.logged |= other.logged
        self.contended |= other.contended
        self.freed.update(other.freed)
        self.opens |= other.opens
        if other.due is not None:
            self.schedule(other.due)
        if other.fires_due is not None:
            self.fire_at(other.fires_due)
        self.tally.update(other.tally)
        self.audited += other.audited
        self.happened += other.happened
        self.measured.absorb(other.measured)

    def write_tally(self) -> None:
        """Add the statistics to `stats`, last in every transaction, ascending by key."""
        minute = self.now - self.now % MINUTE
        self.add_stats([(minute, *key, number) for key, number in self.tally.items() if number])

    def add_stats(self, rows: list[tuple[int, str, str, str, int]]) -> None:
        """Add numbers to `stats`: (minute, queue, type, measure, number) each."""
        if rows:
            keyed = sorted((*row[:4], self.coordinator_id, row[4]) for row in rows)
            self.execute(_add_stats(self.dialect), keyed)


@cache
def _add_stats(dialect: Dialect) -> sa.Executable:
    c = t.stats.c
    columns = (c.minute, c.queue, c.type, c.measure, c.coordinator_id, c.count)
    batch = dialect.batch(*columns)
    insert = dialect.upsert(t.stats).from_select(
        [column.name for column in columns],
        sa.select(*batch.c).where(sa.true()).order_by(*list(batch.c)[:5]),
    )
    keys = ["minute", "queue", "type", "measure", "coordinator_id"]
    return insert.on_conflict_do_update(
        index_elements=keys, set_={"count": c.count + insert.excluded.count}
    )


def _batch(rows: list[Any]) -> str:
    """Rows as `Dialect.batch` reads them: those of one column as plain values."""
    return json_text([row[0] for row in rows] if rows and len(rows[0]) == 1 else rows)


def json_text(value: Any) -> str:
    """A value as compact JSON text."""
    return msgspec.json.encode(value).decode()
