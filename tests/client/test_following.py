from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from tenure.client.following import Follower
from tenure.wire.base import Page
from tenure.wire.jobs import Job, LogLine

AT = datetime(2026, 1, 31, tzinfo=UTC)


def page(*lines: tuple[int, int], following: str | None = None) -> Page[LogLine]:
    items = [
        LogLine(fence=fence, index=index, at=AT, level="info", text="x") for fence, index in lines
    ]
    return Page(items=items, next=following)


class _Seen:
    def __init__(self, finished: bool) -> None:
        self.finished = finished


def seen(finished: bool) -> Job:
    return cast(Job, _Seen(finished))


def taken(follower: Follower, *given: Any, **more: Any) -> list[tuple[int, int]]:
    return [(line.fence, line.index) for line in follower.take(page(*given, **more))]


def test_no_line_is_missed_or_repeated_and_the_last_look_comes_after_the_end() -> None:
    follower = Follower("j")
    assert follower.lines().path == "/api/jobs/j/logs"
    assert taken(follower, (1, 0), (1, 1), following="p2") == [(1, 0), (1, 1)]
    assert follower.job() is None
    assert follower.lines().path == "/api/jobs/j/logs?after=p2"
    assert taken(follower, (1, 2)) == [(1, 2)]
    look = follower.job()
    assert look is not None
    assert look.path == "/api/jobs/j?wait=1.0"
    follower.saw(seen(False))
    assert taken(follower, (1, 2), (1, 3), (2, 0)) == [(1, 3), (2, 0)]
    follower.saw(seen(True))
    assert taken(follower, (1, 2), (1, 3), (2, 0), (2, 1), following="p3") == [(2, 1)]
    ended = [follower.ended]
    assert taken(follower) == []
    ended.append(follower.ended)
    assert ended == [False, True]
    assert follower.job() is None
