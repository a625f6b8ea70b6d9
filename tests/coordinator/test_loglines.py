"""Log lines as workers send them."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.coordinator import loglines
from tenure.coordinator.loglines import MAX_LINE, checked_lines
from tenure.domain.clock import SECOND
from tenure.domain.errors import InvalidInput, LeaseLost
from tenure.settings import Limits
from tenure.store.history import LogBounds
from tenure.wire.leases import LogLineIn, Logs
from tests.builders import NOW, OTHER_WORKER, WORKER


def told(*lines: LogLineIn, **changes: Any) -> Logs:
    values: dict[str, Any] = {"worker_id": WORKER, "fence": 1, "lines": list(lines)}
    return Logs(**(values | changes))


def line(text: str = "x", at: str = "2026-11-21T12:00:01Z", level: str = "info") -> LogLineIn:
    return LogLineIn(at=at, level=level, text=text)


def test_a_line_as_it_is() -> None:
    lines = checked_lines(OTHER_WORKER, told(line(), from_=5), NOW, 100)
    assert (lines.job_id, lines.fence, lines.worker_id, lines.start) == (OTHER_WORKER, 1, WORKER, 5)
    assert list(lines.lines) == [(NOW + SECOND, "info", "x")]


@pytest.mark.parametrize(
    "at", ["", "yesterday", "2026-11-21T12:00:00", "0001-01-01T00:00:00+23:59"]
)
def test_a_time_that_is_none_becomes_now(at: str) -> None:
    assert checked_lines(WORKER, told(line(at=at)), NOW, 100).lines[0][0] == NOW


def test_text_is_made_storable_and_cut() -> None:
    long = "a" * MAX_LINE + "z" * MAX_LINE
    lines = checked_lines(WORKER, told(line("a\x00b"), line(long, level="x" * 99)), NOW, 100).lines
    assert lines[0][2] == "a\ufffdb"
    assert len(lines[1][2]) < MAX_LINE + 100
    assert (lines[1][2][0], lines[1][2][-1]) == ("a", "z")
    assert len(lines[1][1]) == 20


def test_of_too_many_lines_the_last_stay() -> None:
    lines = checked_lines(WORKER, told(*(line(str(n)) for n in range(10)), from_=3), NOW, 4)
    assert lines.start == 9
    assert [text for _, _, text in lines.lines] == ["6", "7", "8", "9"]


def test_ids_that_no_lease_has_are_lost_leases() -> None:
    for job_id, changes in (("x", {}), (WORKER, {"worker_id": "\x00"})):
        with pytest.raises(LeaseLost):
            checked_lines(job_id, told(line(), **changes), NOW, 4)


def test_an_index_beyond_the_last_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^from:"):
        checked_lines(WORKER, told(line(), from_=2**31 - 1), NOW, 4)


def test_bounds_leave_room_for_a_line() -> None:
    assert loglines.bounds(Limits()) == LogBounds(10_000, 1024 * 1024)
    assert loglines.bounds(Limits(log_lines=1, log_bytes=1)) == LogBounds(2, 2 * MAX_LINE)
