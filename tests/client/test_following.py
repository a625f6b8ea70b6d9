from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tenure.client.following import Follower
from tenure.client.retrying import Patience
from tenure.domain.errors import TenureError, Unreachable, WaitTimeout
from tenure.wire.base import encode
from tenure.wire.jobs import LogLine

AT = datetime(2026, 1, 31, tzinfo=UTC)
PATIENCE = Patience(retry_for=1.0, draw=lambda: 0.0)


def event(fence: int, index: int, text: str = "x") -> bytes:
    line = LogLine(fence=fence, index=index, at=AT, level="info", text=text)
    return b"id: at-%d-%d\ndata: %b\n\n" % (fence, index, encode(line))


END = b'event: end\ndata: {"status": "completed"}\n\n'


def follower(timeout: timedelta | float | None = None, fence: int | None = None) -> Follower:
    return Follower("j", fence, timeout, PATIENCE)


def taken(following: Follower, chunk: bytes) -> list[tuple[int, int]]:
    return [(line.fence, line.index) for line in following.take(chunk)]


def test_lines_come_however_the_stream_is_cut_into_pieces() -> None:
    whole = b":\n\n" + event(1, 0) + event(1, 1, "a\nb: c\n\nid: d") + b":\n\n" + event(2, 0) + END
    for size in (1, 7, len(whole)):
        following = follower()
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        lines = [line for piece in pieces for line in following.take(piece)]
        assert [(line.fence, line.index) for line in lines] == [(1, 0), (1, 1), (2, 0)]
        assert lines[1].text == "a\nb: c\n\nid: d"
        assert following.ended
        following.closed()


def test_a_broken_stream_goes_on_after_the_last_whole_line() -> None:
    following = follower(fence=3)
    assert following.path == "/api/jobs/j/logs?follow=true&fence=3"
    assert following.headers == {}
    assert taken(following, event(1, 0) + event(1, 1)[:20]) == [(1, 0)]
    assert following.pause(Unreachable("broke")) > 0
    assert following.headers == {"Last-Event-ID": "at-1-0"}
    assert taken(following, event(1, 1)) == [(1, 1)]
    with pytest.raises(Unreachable):
        following.closed()
    assert not following.ended


def test_patience_begins_anew_with_what_comes() -> None:
    following = follower()
    waits = [following.pause(Unreachable("broke")) for _ in range(3)]
    assert waits == sorted(set(waits))
    following.take(b":\n\n")
    assert following.pause(Unreachable("broke")) == waits[0]
    impatient = Follower("j", None, None, Patience(retry_for=0.0))
    with pytest.raises(Unreachable, match="broke"):
        impatient.pause(Unreachable("broke"))


def test_the_time_is_up_whatever_comes() -> None:
    assert follower().silence(30.0) == 30.0
    assert follower(timedelta(seconds=10)).silence(30.0) < 30.0
    late = follower(0)
    assert late.silence(30.0) > 0
    with pytest.raises(WaitTimeout):
        late.take(event(1, 0))
    with pytest.raises(WaitTimeout):
        late.pause(Unreachable("broke"))


@pytest.mark.parametrize("told", [b"id: x\ndata: {}\n\n", b"id: x\n\n", b"x" * 2_000_000])
def test_another_kind_of_answer_is_an_error(told: bytes) -> None:
    with pytest.raises(TenureError, match="not one of a coordinator"):
        follower().take(told)
