"""Log lines as workers send them, made fit to be stored."""

from __future__ import annotations

from datetime import datetime

from tenure.coordinator.errortext import cut
from tenure.domain import clock
from tenure.domain.errors import InvalidInput, LeaseLost
from tenure.domain.ids import is_id
from tenure.settings import Limits
from tenure.store.history import Lines, LogBounds
from tenure.wire.leases import Logs
from tenure.wire.text import clean

MAX_LINE = 16 * 1024
"""Characters of one line; of a longer one head and tail stay."""
_MAX_LEVEL = 20
_MAX_INDEX = 2**31 - 1


def bounds(limits: Limits) -> LogBounds:
    """How much of a run's log is kept."""
    return LogBounds(max(limits.log_lines, 2), max(limits.log_bytes, 2 * MAX_LINE))


def checked_lines(job_id: str, told: Logs, now: int, most: int) -> Lines:
    """What to store of a worker's lines: the last `most`, long ones cut, times made instants.

    A time that is no time becomes `now` (microseconds): a worker's clock decides nothing, and a
    log must not fail for it. Raises LeaseLost for ids that no lease has, InvalidInput.
    """
    if not (is_id(job_id) and is_id(told.worker_id)):
        raise LeaseLost("there is no such lease")
    if told.from_ + len(told.lines) > _MAX_INDEX:
        raise InvalidInput.field("from", f"a run's log ends at line {_MAX_INDEX}")
    skipped = max(len(told.lines) - most, 0)
    lines = [
        (_instant(line.at, now), clean(line.level)[:_MAX_LEVEL], cut(clean(line.text), MAX_LINE))
        for line in told.lines[skipped:]
    ]
    return Lines(job_id, told.fence, told.worker_id, told.from_ + skipped, lines)


def _instant(text: str, now: int) -> int:
    try:
        at = clock.from_datetime(datetime.fromisoformat(text.upper()))
    except (ValueError, OverflowError):
        return now
    return at if clock.MIN_INSTANT <= at <= clock.MAX_INSTANT else now
